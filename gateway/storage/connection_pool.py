"""Places for requests to the store: shared fairly among clients, and waited for only so long."""

import asyncio
import math
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.s3.errors import S3Error
from gateway.telemetry import metrics

Client = str | None
"""The address of a client; None: our own errands and proxies, which no share binds."""


class Pool:
    """Hand out places, to waiting clients in turn.

    Args:
        places: How many requests may be on their way at the same time.
        share: The largest part of the places that one client may hold.
        max_wait_s: Longest wait for a place, seconds.
    """

    def __init__(self, places: int, share: float, max_wait_s: float) -> None:
        self._free = places
        self._per_client = math.ceil(places * share)
        self._max_wait_s = max_wait_s
        self._held: Counter[Client] = Counter()
        self._queues: dict[Client, deque[asyncio.Future[None]]] = {}

    @property
    def held(self) -> int:
        """Return the number of places that are taken."""
        return self._held.total()

    @asynccontextmanager
    async def place(self, client: Client) -> AsyncIterator[None]:
        """Hold a place for as long as the block lasts.

        Raises:
            S3Error: SlowDown when none gets free in time.
        """
        # A free place that somebody waits for is one that this client may not have, either.
        if self._free and self._may_have(client):
            self._take(client)
        else:
            await self._wait(client)
        try:
            yield
        finally:
            self._give_back(client)

    def _may_have(self, client: Client) -> bool:
        return client is None or self._held[client] < self._per_client

    def _take(self, client: Client) -> None:
        self._free -= 1
        self._held[client] += 1

    def _give_back(self, client: Client) -> None:
        self._free += 1
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]
        self._call_next()

    async def _wait(self, client: Client) -> None:
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._queues.setdefault(client, deque())
        queue.append(called)
        try:
            async with asyncio.timeout(self._max_wait_s):
                await called
        except BaseException as error:
            if called.done() and not called.cancelled():
                # The place was given in the very moment in which it was given up.
                self._give_back(client)
            else:
                self._leave(client, called)
            if isinstance(error, TimeoutError):
                limit = "store connections" if self._may_have(client) else "store share"
                metrics.LIMITED.labels(limit).inc()
                raise S3Error("SlowDown", "All connections to the storage are in use.") from error
            raise

    def _leave(self, client: Client, called: asyncio.Future[None]) -> None:
        queue = self._queues.get(client)
        if queue is not None and called in queue:
            queue.remove(called)
            if not queue:
                del self._queues[client]

    def _call_next(self) -> None:
        """Give free places to clients that wait, one to each in turn."""
        for client in list(self._queues):
            if not self._free:
                return
            if self._may_have(client):
                self._call(client)

    def _call(self, client: Client) -> None:
        queue = self._queues.pop(client)
        while queue:
            called = queue.popleft()
            if not called.done():
                self._take(client)
                called.set_result(None)
                break
        if queue:
            self._queues[client] = queue  # behind all others
