"""Curves of fidelity over bits per pixel, and where one of them crosses another."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal

import numpy as np

from models.training.evaluation.plan import Coding, Point

Measure = Literal["psnr_db", "ssim"]

_STEPS: Final = 400  # on the logarithmic axis of bits, where two curves are compared


@dataclass(frozen=True, slots=True)
class Curve:
    """Fidelity over bits, as a line through measured points.

    Attributes:
        bits: Per pixel, ascending.
        values: PSNR in dB or SSIM, ascending, too: what costs more and gives less is left out.
    """

    bits: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, bits: float) -> float:
        """Interpolate linearly over the logarithm of bits; only within ``bits``."""
        return float(np.interp(math.log(bits), np.log(self.bits), self.values))


@dataclass(frozen=True, slots=True)
class Range:
    """A range of bits in which one curve is above another, or below.

    Attributes:
        low: Bits per pixel where it begins.
        high: Bits per pixel where it ends.
        low_value: What the other curve has where it begins.
        high_value: What the other curve has where it ends.
        gain: Mean difference in it, over the logarithm of bits; negative: it loses.
    """

    low: float
    high: float
    low_value: float
    high_value: float
    gain: float


def means(images: Sequence[Sequence[Point]]) -> list[Point]:
    """Average the images of a class, point by point: bits, PSNR and SSIM."""
    grouped: dict[tuple[Coding, str], list[Point]] = {}
    for point in itertools.chain.from_iterable(images):
        grouped.setdefault((point.coding, point.restorer), []).append(point)
    return [
        Point(
            coding,
            restorer,
            fmean(point.bits for point in points),
            fmean(point.psnr_db for point in points),
            fmean(point.ssim for point in points),
        )
        for (coding, restorer), points in grouped.items()
    ]


def curve(
    points: Iterable[Point], *, codec: str, scale: int, restorer: str, measure: Measure
) -> Curve:
    """Draw the curve of one way of storing, of whatever chroma is better at each point."""
    chosen = [
        (point.bits, point.psnr_db if measure == "psnr_db" else point.ssim)
        for point in points
        if (point.coding.codec, point.coding.scale, point.restorer) == (codec, scale, restorer)
    ]
    front: list[tuple[float, float]] = []
    for bits, value in sorted(chosen, key=lambda pair: (pair[0], -pair[1])):
        if not front or value > front[-1][1]:
            front.append((bits, value))
    return Curve(tuple(bits for bits, _ in front), tuple(value for _, value in front))


def compare(one: Curve, other: Curve) -> list[Range]:
    """Split what two curves have in common into ranges in which one wins or loses.

    Returns:
        The ranges, ascending; none where the curves have no bits in common.
    """
    if not one.bits or not other.bits:
        return []
    low, high = max(one.bits[0], other.bits[0]), min(one.bits[-1], other.bits[-1])
    if low >= high:
        return []
    grid = [float(bits) for bits in np.geomspace(low, high, _STEPS)]
    differences = [one.at(bits) - other.at(bits) for bits in grid]
    runs = itertools.groupby(range(_STEPS), key=lambda index: differences[index] >= 0)
    return [_range(list(run), grid, differences, other) for _, run in runs]


def _range(run: list[int], grid: list[float], differences: list[float], other: Curve) -> Range:
    low = grid[0] if run[0] == 0 else _zero(run[0] - 1, grid, differences)
    high = grid[-1] if run[-1] == len(grid) - 1 else _zero(run[-1], grid, differences)
    gain = fmean(differences[index] for index in run)
    return Range(low, high, other.at(low), other.at(high), gain)


def _zero(index: int, grid: list[float], differences: list[float]) -> float:
    """Find where the difference vanishes between two steps."""
    before, after = differences[index], differences[index + 1]
    share = before / (before - after)
    return grid[index] * math.exp(share * math.log(grid[index + 1] / grid[index]))
