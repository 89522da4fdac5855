"""The pool of store connections, shared fairly among clients.

A request that waits for its client holds a connection in vain: when others wait for a connection,
the requests whose clients have stalled longest lose theirs.
"""

import asyncio
import math
from collections import Counter, deque
from collections.abc import Callable
from typing import Final, Protocol

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.telemetry import metrics

STALLED_S: Final = 1.0
"""Stall after which a client may lose its connection to a waiting one, seconds."""

_LEAST_PAUSE_S: Final = 0.1
"""Shortest interval between searches for stalled clients, seconds."""

_ENDED_AT_ONCE: Final = 16
"""Most stalled clients to abort in one search.

Closing a hundred connections and sending the requests of as many waiters in one step would hold up
all other requests, here and in the store.
"""

Client = str | None
"""Client address; None: the gateway itself and proxies, which no share limits."""


class ConnectionHolder(Protocol):
    """A request that holds a connection."""

    def seconds(self) -> float:
        """Return how long it has waited for its client, seconds; 0: it is not waiting."""
        ...

    def end(self) -> None:
        """Abort the request, so that it releases its connection soon."""
        ...


class Slot:
    """A slot of the pool: waited for, held, or released.

    Args:
        pool: The pool.
        client: Client address.
        holder: May lose the slot when its client stalls; None: never does.
    """

    __slots__ = ("called", "client", "ended_at", "holder", "pool")

    def __init__(
        self, pool: "ConnectionPool", client: Client, holder: ConnectionHolder | None
    ) -> None:
        self.pool = pool
        self.client = client
        self.holder = holder
        self.called: asyncio.Future[None] | None = None
        self.ended_at: float | None = None

    async def __aenter__(self) -> Callable[[], None]:
        """Wait until it is granted; return a function that releases it early.

        Raises:
            S3Error: SlowDown if no slot becomes free in time.
        """
        await self.pool.acquire(self)
        return self.give_back

    async def __aexit__(self, *_: object) -> None:
        self.give_back()

    def give_back(self) -> None:
        """Release it; further calls have no effect."""
        self.pool.release(self)

    def silent_s(self) -> float:
        """Return how long the holder has waited for its client, seconds."""
        return self.holder.seconds() if self.holder is not None else 0.0

    def end(self, now: float) -> None:
        """Abort the holder."""
        self.ended_at = now
        if self.holder is not None:
            self.holder.end()


class ConnectionPool:
    """Grant slots to waiting clients in turn.

    Args:
        places: Most concurrent requests.
        share: Largest share of the slots for one client.
        max_wait_s: Longest wait, seconds.
    """

    def __init__(self, places: int, share: float, max_wait_s: float) -> None:
        self._free = places
        self._per_client = math.ceil(places * share)
        self._max_wait_s = max_wait_s
        self._taken: set[Slot] = set()
        self._held: Counter[Client] = Counter()
        self._queues: dict[Client, deque[Slot]] = {}
        self._next_look: asyncio.TimerHandle | None = None

    @property
    def held(self) -> int:
        """Return the number of slots in use."""
        return self._held.total()

    def slot(self, client: Client, holder: ConnectionHolder | None = None) -> Slot:
        """Return a slot to hold for the duration of an ``async with`` block.

        Args:
            client: Client address.
            holder: May lose the slot when its client stalls; None: never does.
        """
        return Slot(self, client, holder)

    async def acquire(self, place: Slot) -> None:
        """Take a slot as soon as one is free.

        Raises:
            S3Error: SlowDown if no slot becomes free in time.
        """
        # If slots are free in spite of waiters, those are at their share.
        if self._free and self._may_have(place.client):
            self._take(place)
        else:
            await self._wait(place)

    def _may_have(self, client: Client) -> bool:
        return client is None or self._held[client] < self._per_client

    def _take(self, place: Slot) -> None:
        self._free -= 1
        self._taken.add(place)
        self._held[place.client] += 1

    def release(self, place: Slot) -> None:
        """Release a slot, if it is held."""
        if place not in self._taken:
            return
        self._taken.remove(place)
        self._free += 1
        self._held[place.client] -= 1
        if not self._held[place.client]:
            del self._held[place.client]
        self._call_next()

    async def _wait(self, place: Slot) -> None:
        client = place.client
        called = place.called = asyncio.get_running_loop().create_future()
        self._queues.setdefault(client, deque()).append(place)
        if self._next_look is None:
            self._make_room()
        try:
            async with asyncio.timeout(self._max_wait_s):
                await called
        except BaseException as error:
            if called.done() and not called.cancelled():
                # The slot was granted in the moment in which the wait ended.
                self.release(place)
            else:
                self._leave(place)
            if isinstance(error, TimeoutError):
                limit = "store connections" if self._may_have(client) else "store share"
                metrics.LIMITED.labels(limit).inc()
                raise S3Error(
                    "SlowDown", "All connections to the object store are in use. Please try again."
                ) from error
            raise

    def _leave(self, place: Slot) -> None:
        queue = self._queues.get(place.client)
        if queue is not None and place in queue:
            queue.remove(place)
            if not queue:
                del self._queues[place.client]

    def _call_next(self) -> None:
        """Grant free slots to waiting clients, one each in turn."""
        for client in list(self._queues):
            if not self._free:
                return
            if self._may_have(client):
                self._call(client)

    def _call(self, client: Client) -> None:
        queue = self._queues.pop(client)
        while queue:
            place = queue.popleft()
            if place.called is not None and not place.called.done():
                self._take(place)
                place.called.set_result(None)
                break
        if queue:
            self._queues[client] = queue  # behind all others

    def _make_room(self) -> None:
        """Abort some stalled holders, at most one per waiter, and check again later."""
        self._next_look = None
        if not self._queues:
            return
        loop = asyncio.get_running_loop()
        silent = {each: each.silent_s() for each in self._taken if each.ended_at is None}
        stalled = [each for each, seconds in silent.items() if seconds >= STALLED_S]
        stalled.sort(key=silent.__getitem__, reverse=True)
        most = min(_ENDED_AT_ONCE, self._missing(loop.time()))
        for place in self._in_the_way(stalled, most):
            del silent[place]
            metrics.LIMITED.labels("stalled").inc()
            place.end(loop.time())
        pause_s = STALLED_S - max(silent.values(), default=0.0)
        self._next_look = loop.call_later(max(_LEAST_PAUSE_S, pause_s), self._make_room)

    def _missing(self, now: float) -> int:
        """Return the number of waiters for whom no slot is about to be released."""
        waiting = sum(map(len, self._queues.values()))
        ended = (each.ended_at for each in self._taken if each.ended_at is not None)
        return waiting - sum(now - at < STALLED_S for at in ended)

    def _in_the_way(self, stalled: list[Slot], most: int) -> list[Slot]:
        """Choose stalled holders to abort; a client at its share displaces only itself."""
        chosen: list[Slot] = []
        for client, queue in self._queues.items():
            own = not self._may_have(client)
            reach = [p for p in stalled if p not in chosen and (not own or p.client == client)]
            chosen += reach[: min(len(queue), most - len(chosen))]
            if len(chosen) in {most, len(stalled)}:
                break
        return chosen
