"""Requests per second of each client."""

import time
from collections.abc import Callable
from typing import Final

from cachetools import TTLCache

_MOST: Final = 1 << 16
"""Clients that are remembered; of more, those that asked longest ago are forgotten."""

_ROUNDING_S: Final = 1e-6
"""Sums of intervals may be off by less; the clock of a machine that runs for years, too."""


class RequestRate:
    """Bound the rate of each client, as a token bucket does.

    The state of a client is one time, as in the generic cell rate algorithm of ATM networks: when
    its bucket will be full again. From then on the client is like one never seen.

    Args:
        per_s: Tokens that a bucket gets per second.
        burst: Tokens that it holds.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval_s = 1 / per_s
        self._tolerance_s = (burst - 1) * self._interval_s
        self._clock = clock
        self._full_at: TTLCache[str, float] = TTLCache(_MOST, burst * self._interval_s, clock)

    def __len__(self) -> int:
        """Return the number of clients that are remembered."""
        return len(self._full_at)

    def wait_s(self, client: str) -> float:
        """Take a token and return 0; or take none, and return the seconds until there is one."""
        now = self._clock()
        full_at = max(now, self._full_at.get(client, now))
        wait_s = full_at - now - self._tolerance_s
        if wait_s > _ROUNDING_S:
            return wait_s
        self._full_at[client] = full_at + self._interval_s
        return 0.0
