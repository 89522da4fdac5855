"""A worker of a job that runs as an actor of Ray, on any node of a cluster.

Nothing here imports Ray. What the driver sends is small and holds the one key pair of the job; it
must not be part of a runtime environment, which Ray writes to its logs.
"""

import asyncio
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Final

from slimgate.config import Admin, Policies, Settings
from slimgate.gateway.jobs.halt import Interrupted
from slimgate.gateway.jobs.outcome import Outcome
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.state.done import ShardTotals
from slimgate.gateway.jobs.state.job_file import Digests
from slimgate.gateway.jobs.worker import RunSpec, Worker, open_worker
from slimgate.gateway.telemetry import logs

_INDEX_ENTRIES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Sent:
    """What an actor is made of.

    Attributes:
        settings: Configuration; its secrets are masked where it is shown.
        spec: The run.
        digests: What decides the bytes of renditions, in the driver.
    """

    settings: Settings
    spec: RunSpec
    digests: Digests

    @classmethod
    def of(cls, settings: Settings, spec: RunSpec) -> "Sent":
        """Return what actors need, with no other secret than theirs."""
        pairs = [p for p in settings.credentials if spec.access_key in {None, p.access_key}]
        # As many threads as cores, in each of as many actors, would only compete for cores.
        engine = settings.engine.model_copy(update={"threads": settings.engine.threads or 1})
        # What is seen and written is noted in Redis, if there is one: a file of its node is no use.
        index = settings.index.model_copy(update={"kind": "memory", "entries": _INDEX_ENTRIES})
        # A key of the credentials file is looked up there, on each node.
        file = None if pairs else settings.credentials_file
        needed = {
            "credentials": tuple(pairs[:1]),
            "credentials_file": file,
            "engine": engine,
            "index": index,
        }
        sent = settings.model_copy(update={**needed, "admin": Admin()})
        return cls(sent, replace(spec, jobs=1), _digests(settings, spec))


class ShardActor:
    """Run shards with one process for images; all methods run on one event loop.

    Args:
        sent: What the driver has sent.
    """

    def __init__(self, sent: Sent) -> None:
        logs.configure()
        self._sent = sent
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._worker: Worker | None = None
        self._watch = _Watch()

    async def ready(self) -> None:
        """Open the client of the store and the process for images, unless they are open."""
        await self._opened()

    async def run(self, shard: int) -> ShardTotals:
        """Process a shard; see :meth:`slimgate.gateway.jobs.shard_runner.ShardRunner.run`."""
        return await (await self._opened()).runner.run(shard)

    async def halt(self, why: str) -> None:
        """Begin no more objects; those in progress are finished, and recorded."""
        (await self._opened()).halt.begin(Interrupted(why))

    async def watched(self) -> ShardTotals:
        """Return the sums of what was done since the last call."""
        return self._watch.take()

    async def close(self) -> None:
        """End the process for images."""
        await self._stack.aclose()

    async def _opened(self) -> Worker:
        async with self._opening:
            if self._worker is None:
                self._check_versions()
                opening = open_worker(self._sent.settings, self._sent.spec, self._watch)
                self._worker = await self._stack.enter_async_context(opening)
        return self._worker

    def _check_versions(self) -> None:
        """Check that renditions made here are those that the driver would make.

        Raises:
            UsageError: They may not be.
        """
        sent = self._sent
        if names := _digests(sent.settings, sent.spec).differing(sent.digests):
            raise UsageError(
                f"{socket.gethostname()} has other {' and '.join(names)} than the driver: install "
                "the same versions of Python, slimgate and its packages on all nodes"
            )


def _digests(settings: Settings, spec: RunSpec) -> Digests:
    return Digests.of(Policies(settings.policies), spec.bucket)


class _Watch:
    """Sums of what was done since it was last asked."""

    def __init__(self) -> None:
        self._new = ShardTotals()

    def seen(self, outcome: Outcome) -> None:
        """Add the outcome of an object."""
        self._new += ShardTotals.of([outcome])

    def found(self, totals: ShardTotals) -> None:
        """Add the totals of a shard that another process has done."""
        self._new += totals

    def take(self) -> ShardTotals:
        """Return the sums, and begin anew."""
        taken, self._new = self._new, ShardTotals()
        return taken
