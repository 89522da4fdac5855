"""An actor of Ray as the dispatcher sees it."""

import asyncio
import contextlib
from typing import Any, Final

from slimgate.gateway.jobs.dispatch import WorkerLost
from slimgate.gateway.jobs.halt import Halt, Halted
from slimgate.gateway.jobs.state.done import ShardTotals

_MOST_LOSSES: Final = 10
"""Losses of an actor in a row that end a run."""

_LOOK_S: Final = 1.0
"""Pause between two looks at whether a run has ended meanwhile, seconds."""


class CannotRun(Halted):
    """The cluster cannot run workers; the message says where to look."""


class RayWorker:
    """Let an actor process shards.

    Args:
        errors: The module ``ray.exceptions``.
        actor: Handle of a :class:`slimgate.gateway.jobs.runners.shard_actor.ShardActor`.
        halt: Ends the run.
    """

    def __init__(self, errors: Any, actor: Any, halt: Halt) -> None:
        self._errors = errors
        self._actor = actor
        self._halt = halt
        self._losses = 0

    async def run(self, shard: int) -> ShardTotals:
        """Process a shard; wait while the actor is restarted or no CPU is free for it.

        Raises:
            WorkerLost: The actor or its node was lost.
            CannotRun: It was lost again and again, or cannot begin.
            Exception: As :meth:`slimgate.gateway.jobs.shard_runner.ShardRunner.run`.
        """
        try:
            await self._there()
            totals: ShardTotals = await self._actor.run.remote(shard)
        except self._errors.ActorDiedError as error:
            raise CannotRun(f"a worker cannot begin: {error}") from error
        except self._errors.RayActorError as error:
            self._losses += 1
            if self._losses < _MOST_LOSSES:
                raise WorkerLost("its process or node was lost") from error
            raise CannotRun(
                f"a worker was lost {_MOST_LOSSES} times in a row: see the logs of Ray's nodes"
            ) from error
        except self._errors.RayTaskError as error:
            # Ray's own class names the traceback on the node, which is in the logs there.
            raise error.cause from None
        self._losses = 0
        return totals

    async def _there(self) -> None:
        """Wait for the actor.

        Raises:
            Halted: The run ends before.
        """
        while True:
            if await self._looked():
                return
            await asyncio.sleep(_LOOK_S)

    async def _looked(self) -> bool:
        """Return whether the actor is there; wait for its first start, unless the run ends."""
        ready = asyncio.ensure_future(_result(self._actor.ready.remote()))
        try:
            while not ready.done():
                self._halt.check()
                await asyncio.wait({ready}, timeout=_LOOK_S)
            ready.result()
        except self._errors.ActorUnavailableError:
            return False
        finally:
            ready.cancel()
        return True

    def begin_halt(self, reason: Halted) -> None:
        """Stop the actor from starting more objects."""
        self._actor.halt.remote(str(reason))

    async def watched(self) -> ShardTotals:
        """Return the sums of what the actor has done since the last call; none if it is lost."""
        try:
            totals: ShardTotals = await self._actor.watched.remote()
        except self._errors.RayError:
            return ShardTotals()
        return totals

    async def close(self) -> None:
        """Let the actor end its process for images."""
        with contextlib.suppress(self._errors.RayError):
            await self._actor.close.remote()


async def _result(ref: Any) -> None:
    await ref
