"""Find the quality at which something is reached, in few trials."""

import math
from collections.abc import Callable, MutableMapping
from typing import Final

LOWEST, HIGHEST = 1, 100
"""Qualities of every codec."""

_CREEPING: Final = 3
"""Every so many trials the bracket is halved, should lines through its ends lead nowhere."""

_PATIENCE: Final = 6
"""After so many trials it is halved only."""

Value = Callable[[int], float]
"""Measured at a quality, and growing with it, in units of which one is about a step of quality."""


def lowest(
    value: Value, known: MutableMapping[int, float], *, start: int, near: float = 0.0
) -> int | None:
    """Find the lowest quality whose value is 0 or more.

    Args:
        value: What is sought.
        known: What was measured before; every further value is added.
        start: Where to begin when nothing is known.
        near: A value that differs from 0 by no more will do.

    Returns:
        None when not even the highest quality reaches it.
    """
    for trial in range(HIGHEST - LOWEST + 2):
        good = [quality for quality, found in known.items() if abs(found) <= near]
        if near and good:
            return min(good, key=lambda quality: abs(known[quality]))
        low, high = _bracket(known)
        if high - low == 1:
            return high if high <= HIGHEST else None
        halve = trial > _PATIENCE or trial % _CREEPING == _CREEPING - 1
        quality = _next(known, low, high, start, halve=halve)
        known[quality] = value(quality)
    raise AssertionError("each trial narrows the bracket")


def nearest(
    value: Value, known: MutableMapping[int, float], *, start: int, near: float = 0.0
) -> int:
    """Find the quality whose value is nearest to 0; arguments as for :func:`lowest`."""
    found = lowest(value, known, start=start, near=near)
    around = {HIGHEST} if found is None else {found, max(found - 1, LOWEST)}
    tried = {quality for quality in around if quality in known or abs(known[max(around)]) > near}
    for quality in tried - known.keys():
        known[quality] = value(quality)
    return min(tried, key=lambda quality: abs(known[quality]))


def _bracket(known: MutableMapping[int, float]) -> tuple[int, int]:
    """Give the highest quality known to fail below the lowest one known to reach it."""
    high = min((q for q, found in known.items() if found >= 0), default=HIGHEST + 1)
    low = max((q for q, found in known.items() if found < 0 and q < high), default=LOWEST - 1)
    return low, high


def _next(
    known: MutableMapping[int, float], low: int, high: int, start: int, *, halve: bool
) -> int:
    if halve:
        return (low + high) // 2
    wished = math.ceil(_zero(known)) if known else start
    return min(max(wished, low + 1), high - 1)


def _zero(known: MutableMapping[int, float]) -> float:
    """Say where a line through the two best points meets 0; through one, with a slope of 1."""
    best = sorted(known, key=lambda quality: abs(known[quality]))
    first = best[0]
    slope = 1.0
    if len(best) > 1:
        slope = (known[first] - known[best[1]]) / (first - best[1])
    # Where a curve is flat or falls for once, a line leads astray.
    return first - known[first] / max(slope, 0.25)
