"""A worker of a run: a client of the store, processes for images, and the shards it is told."""

import os
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from slimgate.config import Settings
from slimgate.gateway.jobs import resources
from slimgate.gateway.jobs.actions import Action
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.halt import FailureWatch, Halt
from slimgate.gateway.jobs.pacing.concurrency import Concurrency
from slimgate.gateway.jobs.pacing.paced_client import PacedClient, Rates
from slimgate.gateway.jobs.pacing.token_bucket import TokenBucket
from slimgate.gateway.jobs.shard_runner import ShardRunner
from slimgate.gateway.jobs.state.leases import LASTS_S, Leases
from slimgate.gateway.jobs.state.presence import present
from slimgate.gateway.jobs.state.rounds import Round, RoundSpec, open_round
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.jobs.terms import CHECKPOINT_S, Terms, Unwatched, Watcher


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What every worker of a run must know; it can be pickled, and holds no secret.

    Attributes:
        job: Place of the job.
        bucket: Bucket of the objects.
        action: What is done to them.
        part: The round.
        access_key: Access key of the credentials to use; None: the first.
        jobs: Worker processes; None: as configured.
        stop_failing: Share of failures above which the run stops.
        limit: Most objects; None: all.
        max_requests_per_s: Requests to the store; None: as many as there are.
        max_bytes_per_s: Bytes from and to the store; None: as many as there are.
        lasts_s: Silence after which another may take over a shard, seconds.
        checkpoint_s: Time between checkpoints, seconds.
    """

    job: Place
    bucket: str
    action: Action
    part: RoundSpec
    access_key: str | None = None
    jobs: int | None = None
    stop_failing: float = 1.0
    limit: int | None = None
    max_requests_per_s: float | None = None
    max_bytes_per_s: float | None = None
    lasts_s: float = LASTS_S
    checkpoint_s: float = CHECKPOINT_S

    def divided(self, workers: int) -> "RunSpec":
        """Return what one of several workers must know, each with its part of the rates."""
        rates = self.max_requests_per_s, self.max_bytes_per_s
        requests, traffic = (None if rate is None else rate / workers for rate in rates)
        return replace(self, max_requests_per_s=requests, max_bytes_per_s=traffic)


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that runs shards.

    Attributes:
        runner: Runs them.
        part: The round.
        halt: Ends the work: objects in flight are finished, and recorded.
    """

    runner: ShardRunner
    part: Round
    halt: Halt


@asynccontextmanager
async def open_worker(
    settings: Settings, spec: RunSpec, watcher: Watcher | None = None, halt: Halt | None = None
) -> AsyncIterator[Worker]:
    """Open a worker for the duration of the block.

    Args:
        settings: Configuration, with the credentials.
        spec: The run.
        watcher: Follows the work; None: nothing does.
        halt: Ends it; None: a new one.

    Raises:
        UsageError: The access key is not configured.
    """
    owner = _name()
    async with AsyncExitStack() as stack:
        opened = resources.tools(settings, spec.access_key, jobs=spec.jobs)
        tools = await stack.enter_async_context(opened)
        rates = Rates(_bucket(spec.max_requests_per_s), _bucket(spec.max_bytes_per_s))
        store = JobStore(PacedClient(tools.client, rates, waits=False), spec.job)
        part = open_round(store, spec.action.folder, spec.part)
        paced = tools._replace(client=PacedClient(tools.client, rates))
        work = await stack.enter_async_context(
            spec.action.opened(paced, spec.bucket, settings.engine)
        )
        halt = halt or Halt(spec.limit)
        terms = Terms(
            # Twice as many as processes, so that none of them waits for the store.
            Concurrency(2 * tools.jobs),
            halt,
            FailureWatch(spec.stop_failing),
            spec.checkpoint_s,
            watcher or Unwatched(),
        )
        leases = Leases(part.state, owner, spec.lasts_s)
        with present(owner):
            yield Worker(ShardRunner(part, work, leases, terms), part, halt)


def _bucket(per_s: float | None) -> TokenBucket | None:
    return None if per_s is None else TokenBucket(per_s)


def _name() -> str:
    """Return a name unlike that of every other worker, which people can find."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
