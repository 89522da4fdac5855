"""Who is next: the client that has had least of the workers lately."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, NamedTuple

from cachetools import LRUCache

_HALF_LIFE_S: Final = 60.0
_MOST: Final = 4096
"""Clients that are remembered; those that were not seen for longest are forgotten."""


class Client(NamedTuple):
    """Whose job it is.

    Attributes:
        identity: Access key; empty: anonymous, or a job of the gateway's own.
        address: Client address; empty: unknown, or the same for all.
    """

    identity: str = ""
    address: str = ""


NOBODY: Final = Client()
"""Jobs of the gateway's own."""

CLIENT: ContextVar[Client] = ContextVar("client", default=NOBODY)
"""The client of the request that is being handled."""


class FairShares:
    """Seconds of workers that clients have had, of which half is forgotten every minute.

    Seconds weigh jobs by what they cost. Identities are compared first, then addresses that use the
    same identity: one tenant with a thousand addresses has no more than one with a single address.

    Args:
        clock: Returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: LRUCache[Client, _Used] = LRUCache(_MOST)

    def least(self, clients: Iterable[Client]) -> Client:
        """Return the client that has had least; of equals, the first."""
        now = self._clock()
        return min(clients, key=lambda client: self._had(client, now))

    @contextmanager
    def working(self, client: Client) -> Iterator[None]:
        """Charge the time of the block to a client, while it passes."""
        charged = [self._of(each) for each in _levels(client)]
        began = self._clock()
        for used in charged:
            used.begin(began)
        try:
            yield
        finally:
            now = self._clock()
            for used in charged:
                used.end(began, now)

    def _had(self, client: Client, now: float) -> tuple[float, ...]:
        return tuple(self._of(each).seconds(now) for each in _levels(client))

    def _of(self, client: Client) -> "_Used":
        used = self._used.get(client)
        if used is None:
            used = self._used[client] = _Used()
        return used


class _Used:
    """Seconds that a client has had."""

    def __init__(self) -> None:
        self._past = 0.0
        self._at = 0.0
        self._running = 0
        self._began = 0.0

    def begin(self, now: float) -> None:
        """Count a job that begins."""
        self._running += 1
        self._began += now

    def end(self, began: float, now: float) -> None:
        """Count a job that ends."""
        self._past, self._at = self._decayed(now) + now - began, now
        self._running -= 1
        self._began -= began

    def seconds(self, now: float) -> float:
        """Return the seconds of all jobs, running ones included."""
        return self._decayed(now) + self._running * now - self._began

    def _decayed(self, now: float) -> float:
        return self._past * math.exp2((self._at - now) / _HALF_LIFE_S)


def _levels(client: Client) -> tuple[Client, Client]:
    return Client(client.identity), client
