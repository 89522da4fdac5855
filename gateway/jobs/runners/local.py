"""Run a job on this machine: one worker, with as many processes for images as it has cores."""

from slimgate.config import Settings
from slimgate.gateway.jobs.dispatch import dispatch
from slimgate.gateway.jobs.halt import Halt
from slimgate.gateway.jobs.terms import Watcher
from slimgate.gateway.jobs.worker import RunSpec, open_worker


async def run(settings: Settings, spec: RunSpec, watcher: Watcher, halt: Halt) -> None:
    """Process all shards of a round that are not done; see :func:`dispatch` for errors.

    Args:
        settings: Configuration.
        spec: The run.
        watcher: Follows the work.
        halt: Ends it.

    Raises:
        UsageError: The access key is not configured.
    """
    async with open_worker(settings, spec, watcher, halt) as worker:
        await dispatch(worker.part, [worker.runner], halt)
