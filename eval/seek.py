"""Find the lowest quality that reaches something, in few trials."""

import math
from collections.abc import Callable, MutableMapping
from typing import Final

LOWEST, HIGHEST = 1, 100
"""Qualities of every codec."""

_CREEPING: Final = 3
"""Every so many trials the bracket is halved, should lines through its ends lead nowhere."""


def lowest(
    value: Callable[[int], float], known: MutableMapping[int, float], *, start: int
) -> int | None:
    """Find the lowest quality whose value is 0 or more, taking values to grow with quality.

    Args:
        value: Measured at a quality, in units of which one is about a step of quality.
        known: What was measured before; every further value is added.
        start: Where to begin when nothing is known.

    Returns:
        None when not even the highest quality reaches it.
    """
    for trial in range(HIGHEST - LOWEST + 2):
        low, high = _bracket(known)
        if high - low == 1:
            return high if high <= HIGHEST else None
        quality = _next(known, low, high, start, halve=trial % _CREEPING == _CREEPING - 1)
        known[quality] = value(quality)
    raise AssertionError("each trial narrows the bracket")


def _bracket(known: MutableMapping[int, float]) -> tuple[int, int]:
    """Give the highest quality known to fail below the lowest one known to reach it."""
    high = min((q for q, found in known.items() if found >= 0), default=HIGHEST + 1)
    low = max((q for q, found in known.items() if found < 0 and q < high), default=LOWEST - 1)
    return low, high


def _next(
    known: MutableMapping[int, float], low: int, high: int, start: int, *, halve: bool
) -> int:
    below, above = known.get(low), known.get(high)
    if halve and below is not None and above is not None:
        wished = (low + high) // 2
    elif below is not None and above is not None:
        wished = low + math.ceil((high - low) * -below / (above - below))
    elif above is not None:
        wished = high - max(1, math.floor(above))
    elif below is not None:
        wished = low + max(1, math.ceil(-below))
    else:
        wished = start
    return min(max(wished, low + 1), high - 1)
