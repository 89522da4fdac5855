"""Find the quality that reaches a target in few trials."""

import math
from collections.abc import Callable, MutableMapping
from typing import Final

LOWEST, HIGHEST = 1, 100
"""Qualities of every codec."""

_BISECT_PERIOD: Final = 3
"""Period of trials that bisect, in case interpolation does not converge."""

_MAX_INTERPOLATIONS: Final = 6
"""Number of trials after which every trial bisects."""

Value = Callable[[int], float]
"""A function of quality, increasing, in units of about one step of quality."""


def lowest(
    value: Value, known: MutableMapping[int, float], *, start: int, near: float = 0.0
) -> int | None:
    """Return the lowest quality with a value of 0 or more.

    Args:
        value: function to evaluate.
        known: values measured so far; extended by this search.
        start: first quality to try if nothing is known.
        near: tolerance of the value.

    Returns:
        None if even the highest quality falls short.
    """
    for trial in range(HIGHEST - LOWEST + 2):
        good = [quality for quality, found in known.items() if abs(found) <= near]
        if near and good:
            return min(good, key=lambda quality: abs(known[quality]))
        low, high = _bracket(known)
        if high - low == 1:
            return high if high <= HIGHEST else None
        halve = trial > _MAX_INTERPOLATIONS or trial % _BISECT_PERIOD == _BISECT_PERIOD - 1
        quality = _next(known, low, high, start, halve=halve)
        known[quality] = value(quality)
    raise AssertionError("each trial narrows the bracket")


def nearest(
    value: Value, known: MutableMapping[int, float], *, start: int, near: float = 0.0
) -> int:
    """Return the quality with the value nearest to 0; arguments as for :func:`lowest`."""
    found = lowest(value, known, start=start, near=near)
    around = {HIGHEST} if found is None else {found, max(found - 1, LOWEST)}
    tried = {quality for quality in around if quality in known or abs(known[max(around)]) > near}
    for quality in tried - known.keys():
        known[quality] = value(quality)
    return min(tried, key=lambda quality: abs(known[quality]))


def _bracket(known: MutableMapping[int, float]) -> tuple[int, int]:
    """Return the highest quality known to fail, and the lowest above it known to succeed."""
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
    """Return the zero of the line through the two best points; with one point, of slope 1."""
    best = sorted(known, key=lambda quality: abs(known[quality]))
    first = best[0]
    slope = 1.0
    if len(best) > 1:
        slope = (known[first] - known[best[1]]) / (first - best[1])
    # Where a curve is flat or not monotonic, interpolation goes astray.
    return first - known[first] / max(slope, 0.25)
