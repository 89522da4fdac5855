"""The job queue in front of the worker processes."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from slimgate.gateway.workers.client_jobs import Busy, ClientJobs
from slimgate.gateway.workers.fair_shares import CLIENT, Client, FairShares

_DEFERRABLE_EVERY: Final = 4
"""Every n-th slot goes to a deferrable job, so that none starves."""


class _Waiting(NamedTuple):
    """A job that waits for a slot."""

    client: Client
    called: "asyncio.Future[None]"


class JobQueue:
    """Grant slots to jobs: urgent ones (GET) before deferrable ones (uploads).

    Among jobs of a kind, that of the client with the smallest share goes first, each client's in
    order. In a full queue, a client with more than its part of the waiting jobs gives way.

    Args:
        places: Slots in use at a time.
        max_waiting: Most waiting jobs; an urgent job displaces the last deferrable one.
        max_wait_s: Longest wait, seconds.
        shares: What clients have had.
        jobs: Bounds the jobs of each client.
    """

    def __init__(
        self,
        places: int,
        max_waiting: int,
        max_wait_s: float,
        shares: FairShares | None = None,
        jobs: ClientJobs | None = None,
    ) -> None:
        self._free = places
        self._max_waiting = max_waiting
        self._max_wait_s = max_wait_s
        self._shares = shares or FairShares()
        self._jobs = jobs or ClientJobs()
        self._urgent: deque[_Waiting] = deque()
        self._deferrable: deque[_Waiting] = deque()
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
            Busy: The queue is full, the client has too many jobs, or the wait took too long.
        """
        client = CLIENT.get()
        with self._jobs.counted(client):
            if self._free and not self.waiting:
                self._free -= 1
            else:
                await self._wait(urgent=urgent)
            try:
                with self._shares.working(client):
                    yield
            finally:
                self._free += 1
                self._next()

    async def _wait(self, *, urgent: bool) -> None:
        line = self._urgent if urgent else self._deferrable
        client = CLIENT.get()
        if self.waiting >= self._max_waiting:
            self._make_room(client, line)
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(client, called)
        line.append(waiting)
        try:
            async with asyncio.timeout(self._max_wait_s):
                await called
        except BaseException as error:
            if waiting in line:
                line.remove(waiting)
            elif called.done() and not called.cancelled() and called.exception() is None:
                # The slot was granted in the moment in which the job gave up.
                self._free += 1
                self._next()
            if isinstance(error, TimeoutError):
                raise Busy(
                    f"the queue is slow: no worker was free within {self._max_wait_s:g} s"
                ) from error
            raise

    def _make_room(self, client: Client, line: deque[_Waiting]) -> None:
        """Displace a waiting job of less importance than one of this client.

        Raises:
            Busy: There is none.
        """
        full = f"the queue is full: {self.waiting} images are waiting"
        if line is self._urgent and self._deferrable:
            displaced, why = self._deferrable, "the queue is full: others wait for a download"
        else:
            displaced, why = line, full
        counts = Counter(waiting.client for waiting in displaced)
        if not counts:
            raise Busy(full)
        most, count = counts.most_common(1)[0]
        if displaced is line and count <= counts[client] + 1:
            raise Busy(full)
        last = max(i for i, waiting in enumerate(displaced) if waiting.client == most)
        called = displaced[last].called
        del displaced[last]
        if not called.done():
            called.set_exception(Busy(why))

    def _next(self) -> None:
        while self._free and self.waiting:
            self._granted += 1
            patient = self._deferrable and self._granted % _DEFERRABLE_EVERY == 0
            line = self._deferrable if patient or not self._urgent else self._urgent
            client = self._shares.least(dict.fromkeys(waiting.client for waiting in line))
            first = next(i for i, waiting in enumerate(line) if waiting.client == client)
            called = line[first].called
            del line[first]
            if not called.done():
                self._free -= 1
                called.set_result(None)
