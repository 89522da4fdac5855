"""Adapt the batch size to available memory."""

from typing import Final

_RETRY_S: Final = 60.0
"""Interval between attempts of larger batches: memory pressure is often temporary."""


class BatchLimit:
    """A temporary limit of the batch size.

    Args:
        most: maximum batch size, 1 or more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = most
        self._retry_at = 0.0

    def at(self, now: float) -> int:
        """Return the current limit; a reduced limit doubles once a minute.

        Args:
            now: monotonic clock, seconds.
        """
        if self._size < self._most and now >= self._retry_at:
            self._size = min(self._most, 2 * self._size)
            self._retry_at = now + _RETRY_S
        return self._size

    def halve(self, size: int, now: float) -> int:
        """Return the new limit after a batch of ``size`` tiles, 2 or more, ran out of memory."""
        self._size = (size + 1) // 2
        self._retry_at = now + _RETRY_S
        return self._size
