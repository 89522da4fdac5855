"""The job queue in front of the worker processes."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from codec.reasons import Reason

_DEFERRABLE_EVERY: Final = 4
"""Every n-th slot goes to a deferrable job, so that none starves."""


class Busy(Exception):
    """The queue is full, or the job waited too long.

    Args:
        text: What is short.
        reason: Why an upload that had to wait stays as it is.
    """

    def __init__(self, text: str, reason: Reason = Reason.BUSY) -> None:
        super().__init__(text)
        self.reason = reason


class JobQueue:
    """Grant slots to jobs: urgent ones (GET) before deferrable ones (uploads).

    Args:
        places: Slots in use at a time.
        max_waiting: Most waiting jobs; an urgent job displaces the last deferrable one.
        max_wait_s: Longest wait, seconds.
    """

    def __init__(self, places: int, max_waiting: int, max_wait_s: float) -> None:
        self._free = places
        self._max_waiting = max_waiting
        self._max_wait_s = max_wait_s
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._deferrable: deque[asyncio.Future[None]] = deque()
        self._granted = 0

    @property
    def waiting(self) -> int:
        """Return the number of waiting jobs."""
        return len(self._urgent) + len(self._deferrable)

    @asynccontextmanager
    async def slot(self, *, urgent: bool) -> AsyncIterator[None]:
        """Hold a slot during the block.

        Args:
            urgent: A client waits for this job.

        Raises:
            Busy: The queue is full, or the wait took too long.
        """
        if self._free and not self.waiting:
            self._free -= 1
        else:
            await self._wait(urgent=urgent)
        try:
            yield
        finally:
            self._free += 1
            self._next()

    async def _wait(self, *, urgent: bool) -> None:
        if self.waiting >= self._max_waiting:
            if not urgent or not self._deferrable:
                raise Busy(f"the queue is full: {self.waiting} images are waiting")
            self._deferrable.pop().set_exception(
                Busy("the queue is full: others wait for a download")
            )
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line = self._urgent if urgent else self._deferrable
        line.append(called)
        try:
            async with asyncio.timeout(self._max_wait_s):
                await called
        except BaseException as error:
            if called in line:
                line.remove(called)
            elif called.done() and not called.cancelled() and called.exception() is None:
                # The slot was granted in the moment in which the job gave up.
                self._free += 1
                self._next()
            if isinstance(error, TimeoutError):
                raise Busy(
                    f"the queue is slow: no worker was free within {self._max_wait_s:g} s"
                ) from error
            raise

    def _next(self) -> None:
        while self._free and self.waiting:
            self._granted += 1
            patient = self._deferrable and self._granted % _DEFERRABLE_EVERY == 0
            line = self._deferrable if patient or not self._urgent else self._urgent
            called = line.popleft()
            if not called.done():
                self._free -= 1
                called.set_result(None)
