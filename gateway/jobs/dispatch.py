"""Hand out the shards of a round to workers, until all are done, by them or by others."""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from slimgate.gateway.jobs.halt import Halt, Interrupted
from slimgate.gateway.jobs.state import done
from slimgate.gateway.jobs.state.done import ShardTotals
from slimgate.gateway.jobs.state.leases import LeaseLost, Taken
from slimgate.gateway.jobs.state.rounds import Round
from slimgate.gateway.jobs.terms import StoreAway

_EACH: Final = 2
"""Shards that a worker has at a time: while one comes to its end, the other has objects."""

_LONGEST_WAIT_S: Final = 15.0
"""Pause before another look at a shard that another process works on, seconds."""

_STRIKES: Final = 5
"""Shards in a row that fail because the store does not respond, before the run ends."""

_log = structlog.get_logger(__name__)


class WorkerLost(Exception):
    """A worker has died; another one, or the same once it is back, takes its shard up."""


class ShardWorker(Protocol):
    """Runs shards, several at a time."""

    async def run(self, shard: int) -> ShardTotals:
        """Process a shard and return its totals.

        Raises:
            Taken, LeaseLost: Another process works on it.
            WorkerLost: The worker has died.
            StoreAway: The store does not respond.
            Exception: The run ends with it.
        """
        ...


async def dispatch(part: Round, workers: Sequence[ShardWorker], halt: Halt) -> None:
    """Let workers process all shards of a round that are not done.

    Args:
        part: The round.
        workers: At least one.
        halt: Ends the run from outside; begun after the first error, to end the workers.

    Raises:
        Halted: The run ends before all is done.
        Exception: The first error of a worker that is not about one shard alone; all have ended.
        Denied, S3Error: The store does not permit listing, or does not respond.
    """
    open_shards = sorted(set(range(part.spec.count)) - await done.shards(part.state))
    # Processes that begin at different places rarely want the same shard.
    start = random.randrange(len(open_shards)) if open_shards else 0  # noqa: S311  # no secret
    queue = _Queue(open_shards[start:] + open_shards[:start], halt)
    await asyncio.gather(*(queue.work(worker) for worker in workers for _ in range(_EACH)))
    if queue.error is not None:
        raise queue.error


class _Queue:
    """Shards that are not done, in turn."""

    def __init__(self, shards: list[int], halt: Halt) -> None:
        self._ready = deque(shards)
        self._left = len(shards)
        self._halt = halt
        self._strikes = 0
        self._changed = asyncio.Event()
        self.error: Exception | None = halt.reason
        halt.listen(self._fail)

    async def work(self, worker: ShardWorker) -> None:
        """Let a worker process one shard after another, until none is left."""
        while self.error is None and self._left:
            if self._ready:
                await self._run(worker, self._ready.popleft())
                self._changed.set()
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _run(self, worker: ShardWorker, shard: int) -> None:
        try:
            await worker.run(shard)
        except Taken as error:
            self._again(shard, min(max(error.free_in_s, 1.0), _LONGEST_WAIT_S))
        except (LeaseLost, WorkerLost) as error:
            _log.warning("shard lost", shard=shard, reason=str(error))
            self._again(shard, 1.0)
        except StoreAway as error:
            self._strikes += 1
            if self._strikes >= _STRIKES:
                self._fail(error)
            self._again(shard, _LONGEST_WAIT_S)
        except Exception as error:  # noqa: BLE001  # raised again once all have ended
            self._fail(error)
        else:
            self._strikes = 0
            self._left -= 1

    def _fail(self, error: Exception) -> None:
        if self.error is None:
            self.error = error
            self._halt.begin(Interrupted("another shard failed"))
            self._changed.set()

    def _again(self, shard: int, pause_s: float) -> None:
        def again() -> None:
            self._ready.append(shard)
            self._changed.set()

        asyncio.get_running_loop().call_later(pause_s, again)
