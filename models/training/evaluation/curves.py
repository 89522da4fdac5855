"""Curves of fidelity over bits per pixel, and where they cross."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal

import numpy as np

from slimgate.models.training.evaluation.plan import Coding, Point

Measure = Literal["psnr_db", "ssim"]

_STEPS: Final = 400  # samples on the logarithmic axis of bits for comparing curves


@dataclass(frozen=True, slots=True)
class Curve:
    """Fidelity over bits, a line through measured points.

    Attributes:
        bits: bits per pixel, ascending.
        values: PSNR in dB or SSIM, also ascending: dominated points are dropped.
    """

    bits: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, bits: float) -> float:
        """Interpolate linearly over the logarithm of bits, within ``bits`` only."""
        return float(np.interp(math.log(bits), np.log(self.bits), self.values))


@dataclass(frozen=True, slots=True)
class Range:
    """A range of bits in which one curve is above or below another.

    Attributes:
        low: start, bits per pixel.
        high: end, bits per pixel.
        low_value: value of the other curve at the start.
        high_value: value of the other curve at the end.
        gain: mean difference over the logarithm of bits; negative for a loss.
    """

    low: float
    high: float
    low_value: float
    high_value: float
    gain: float


def means(images: Sequence[Sequence[Point]]) -> list[Point]:
    """Return the mean of a class's images per point: bits, PSNR and SSIM."""
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
    """Return the curve of a contender, with the better chroma at each point."""
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
    """Split the common range of two curves into ranges in which one wins or loses.

    Returns:
        The ranges, ascending; none without common bits.
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
    """Return where the difference is zero between two samples."""
    before, after = differences[index], differences[index + 1]
    share = before / (before - after)
    return grid[index] * math.exp(share * math.log(grid[index + 1] / grid[index]))
