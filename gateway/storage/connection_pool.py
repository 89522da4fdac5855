"""The pool of store connections, shared fairly among clients.

A request that waits for its client holds a connection in vain: when others wait for a connection,
the requests whose clients have stalled longest lose theirs.
"""

import asyncio
import math
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.telemetry import metrics

STALLED_S: Final = 1.0
"""Stall after which a client may lose its connection to a waiting one, seconds."""

_LEAST_PAUSE_S: Final = 0.1
"""Shortest interval between searches for stalled clients, seconds."""

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


@dataclass(slots=True, eq=False)
class _Slot:
    """A slot of the pool: waited for, held, or released."""

    client: Client
    holder: ConnectionHolder | None
    called: asyncio.Future[None]
    ended_at: float | None = None

    def silent_s(self) -> float:
        return self.holder.seconds() if self.holder is not None else 0.0

    def end(self, now: float) -> None:
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
        self._taken: set[_Slot] = set()
        self._held: Counter[Client] = Counter()
        self._queues: dict[Client, deque[_Slot]] = {}
        self._next_look: asyncio.TimerHandle | None = None

    @property
    def held(self) -> int:
        """Return the number of slots in use."""
        return self._held.total()

    @asynccontextmanager
    async def slot(
        self, client: Client, holder: ConnectionHolder | None = None
    ) -> AsyncIterator[Callable[[], None]]:
        """Hold a slot for the duration of the block, or until the yielded function is called.

        Args:
            client: Client address.
            holder: May lose the slot when its client stalls; None: never does.

        Raises:
            S3Error: SlowDown if no slot becomes free in time.
        """
        place = _Slot(client, holder, asyncio.get_running_loop().create_future())
        # If slots are free in spite of waiters, those are at their share.
        if self._free and self._may_have(client):
            self._take(place)
        else:
            await self._wait(place)
        give_back = partial(self._give_back, place)
        try:
            yield give_back
        finally:
            give_back()

    def _may_have(self, client: Client) -> bool:
        return client is None or self._held[client] < self._per_client

    def _take(self, place: _Slot) -> None:
        self._free -= 1
        self._taken.add(place)
        self._held[place.client] += 1

    def _give_back(self, place: _Slot) -> None:
        if place not in self._taken:
            return
        self._taken.remove(place)
        self._free += 1
        self._held[place.client] -= 1
        if not self._held[place.client]:
            del self._held[place.client]
        self._call_next()

    async def _wait(self, place: _Slot) -> None:
        client, called = place.client, place.called
        self._queues.setdefault(client, deque()).append(place)
        if self._next_look is None:
            self._make_room()
        try:
            async with asyncio.timeout(self._max_wait_s):
                await called
        except BaseException as error:
            if called.done() and not called.cancelled():
                # The slot was granted in the moment in which the wait ended.
                self._give_back(place)
            else:
                self._leave(place)
            if isinstance(error, TimeoutError):
                limit = "store connections" if self._may_have(client) else "store share"
                metrics.LIMITED.labels(limit).inc()
                raise S3Error(
                    "SlowDown", "All connections to the object store are in use. Please try again."
                ) from error
            raise

    def _leave(self, place: _Slot) -> None:
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
            if not place.called.done():
                self._take(place)
                place.called.set_result(None)
                break
        if queue:
            self._queues[client] = queue  # behind all others

    def _make_room(self) -> None:
        """Abort stalled holders, at most one per waiter, and check again later."""
        self._next_look = None
        if not self._queues:
            return
        loop = asyncio.get_running_loop()
        silent = {each: each.silent_s() for each in self._taken if each.ended_at is None}
        stalled = [each for each, seconds in silent.items() if seconds >= STALLED_S]
        stalled.sort(key=silent.__getitem__, reverse=True)
        for place in self._in_the_way(stalled, self._missing(loop.time())):
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

    def _in_the_way(self, stalled: list[_Slot], most: int) -> list[_Slot]:
        """Choose stalled holders to abort; a client at its share displaces only itself."""
        chosen: list[_Slot] = []
        for client, queue in self._queues.items():
            own = not self._may_have(client)
            reach = [p for p in stalled if p not in chosen and (not own or p.client == client)]
            chosen += reach[: min(len(queue), most - len(chosen))]
            if len(chosen) in {most, len(stalled)}:
                break
        return chosen
