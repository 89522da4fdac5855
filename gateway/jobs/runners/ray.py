"""Run the shards of a job on a Ray cluster, with an actor per CPU.

The driver hands out numbers of shards and receives sums; all else passes between actors and store.
So any actor, node or driver may be killed: others take its shards up once their leases have ended.
"""

import asyncio
import contextlib
import importlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from slimgate.config import Settings
from slimgate.gateway.jobs import resources
from slimgate.gateway.jobs.dispatch import dispatch
from slimgate.gateway.jobs.halt import Halt
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.runners.ray_worker import RayWorker
from slimgate.gateway.jobs.runners.shard_actor import Sent, ShardActor
from slimgate.gateway.jobs.state.rounds import open_round
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.jobs.terms import Watcher
from slimgate.gateway.jobs.worker import RunSpec

_CONNECT_S: Final = 10.0
_CALLS: Final = 16
"""Calls of an actor at a time: two shards, and short ones."""

_WATCH_S: Final = 1.0
"""Pause between two looks at what the actors have done, seconds."""

_CLOSE_S: Final = 10.0
"""Time in which actors end their processes, seconds."""


async def run(
    settings: Settings,
    spec: RunSpec,
    watcher: Watcher,
    halt: Halt,
    *,
    address: str | None = None,
    workers: int | None = None,
) -> None:
    """Run all shards of a round that are not done; see :func:`dispatch` for more errors.

    Args:
        settings: Configuration.
        spec: The run.
        watcher: Follows the work.
        halt: Ends it.
        address: Of the cluster; None: as Ray's environment says, or one on this machine alone.
        workers: Actors; None: one per CPU that the cluster has now.

    Raises:
        UsageError: Ray is not installed, or the cluster cannot be used so.
        CannotRun: The cluster cannot run actors.
    """
    if spec.action.name == "index" and settings.cache.redis.url is None:
        raise UsageError("--do index with --runner ray needs cache.redis: nodes share no file")
    ray = _ray()
    async with resources.open_store(settings, spec.access_key) as client:
        part = open_round(JobStore(client, spec.job), spec.action.folder, spec.part)
        with _connected(ray, address):
            number = workers or _cpus(ray)
            sent = Sent.of(settings, spec.divided(number))
            async with _started(ray, sent, number, halt, watcher) as started:
                await dispatch(part, started, halt)


def check_installed() -> None:
    """Check that Ray is installed.

    Raises:
        UsageError: It is not.
    """
    _ray()


def _ray() -> Any:
    """Import Ray.

    Raises:
        UsageError: It is not installed.
    """
    # A cluster that this process starts on its machine sends no statistics.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise UsageError("--runner ray needs Ray: pip install 'slimgate[ray]'") from error


@contextmanager
def _connected(ray: Any, address: str | None) -> Iterator[None]:
    """Connect to a cluster for the duration of the block.

    Raises:
        UsageError: It cannot be reached.
    """
    _check_address(address)
    # Ray replaces the handlers of the process where it starts a cluster.
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        # Workers import from the directory in which Ray is initialized before all else.
        with contextlib.chdir(sys.prefix):
            ray.init(address=address, log_to_driver=False, logging_level="WARNING")
    except (ConnectionError, ValueError) as error:
        raise UsageError(f"the Ray cluster cannot be used: {error}") from error
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _check_address(address: str | None) -> None:
    """Check that something answers at HOST:PORT: Ray itself would wait for many minutes.

    Raises:
        UsageError: Nothing does.
    """
    host, found, port = (address or "").rpartition(":")
    if not found or not port.isdigit() or "/" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()
    except OSError as error:
        raise UsageError(f"no Ray cluster answers at {address}: {error}") from error


def _cpus(ray: Any) -> int:
    """Return the number of CPUs of the cluster.

    Raises:
        UsageError: It has none now.
    """
    cpus = int(ray.cluster_resources().get("CPU", 0))
    if not cpus:
        raise UsageError("the Ray cluster has no CPU now: name the number of --workers")
    return cpus


@asynccontextmanager
async def _started(
    ray: Any, sent: Sent, number: int, halt: Halt, watcher: Watcher
) -> AsyncIterator[Sequence[RayWorker]]:
    """Start actors, which end with the block or with this process, whichever is first."""
    actor = ray.remote(ShardActor).options(
        num_cpus=1,
        max_restarts=-1,
        # The dispatcher repeats shards itself, once no other process holds them.
        max_task_retries=0,
        max_concurrency=_CALLS,
        scheduling_strategy="SPREAD",
    )
    workers = [RayWorker(ray.exceptions, actor.remote(sent), halt) for _ in range(number)]
    for worker in workers:
        halt.listen(worker.begin_halt)
    following = [asyncio.create_task(_follow(worker, watcher)) for worker in workers]
    try:
        yield workers
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        # What has never begun for want of a CPU does not answer.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await asyncio.gather(*(_close(worker, watcher) for worker in workers))


async def _follow(worker: RayWorker, watcher: Watcher) -> None:
    while True:
        await asyncio.sleep(_WATCH_S)
        watcher.found(await worker.watched())


async def _close(worker: RayWorker, watcher: Watcher) -> None:
    watcher.found(await worker.watched())
    await worker.close()
