"""How many tiles go into one batch, depending on the memory that there seems to be."""

from typing import Final

_RETRY_S: Final = 60.0
"""Memory is often short because of a neighbour: after this time a larger batch is tried again."""


class BatchLimit:
    """Remember for a while how large a batch may be.

    Args:
        most: Tiles in a batch while memory suffices, 1 or more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = most
        self._retry_at = 0.0

    def at(self, now: float) -> int:
        """Give the most tiles for a batch; a reduced limit doubles once a minute.

        Args:
            now: Seconds of a monotonic clock.
        """
        if self._size < self._most and now >= self._retry_at:
            self._size = min(self._most, 2 * self._size)
            self._retry_at = now + _RETRY_S
        return self._size

    def halve(self, size: int, now: float) -> int:
        """Give the size to go on with after a batch of ``size`` tiles, 2 or more, did not fit."""
        self._size = (size + 1) // 2
        self._retry_at = now + _RETRY_S
        return self._size
