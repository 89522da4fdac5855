"""Bound the objects in progress: fewer while the store is overloaded, and slowly more again.

Additive increase and multiplicative decrease, as TCP does (RFC 5681): one more per round of
successes, half as many when the store answers SlowDown.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

_DEAF_S: Final = 1.0
"""Time after a decrease in which further overload does not count: it is the same one, seconds."""


class Concurrency:
    """Turns of objects.

    Args:
        most: Objects in progress at once when all is well.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._limit = float(most)
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._decreased = float("-inf")

    @property
    def limit(self) -> int:
        """Return how many objects may be in progress now."""
        return int(self._limit)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, first come first served, and take it for the duration of the block."""
        if self._running >= self.limit or self._waiting:
            await self._wait()
        else:
            self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._grant()

    def succeeded(self) -> None:
        """Note that the store has served an object."""
        self._limit = min(self._limit + 1 / self._limit, float(self.most))
        self._grant()

    def overloaded(self) -> None:
        """Note that the store has answered SlowDown, or not at all."""
        now = asyncio.get_running_loop().time()
        if now - self._decreased >= _DEAF_S:
            self._decreased = now
            self._limit = max(self._limit / 2, 1.0)

    async def _wait(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._running -= 1
                self._grant()
            raise

    def _grant(self) -> None:
        """Give turns to those who have waited longest; a turn counts from here on."""
        while self._waiting and self._running < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._running += 1
