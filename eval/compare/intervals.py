"""95 % confidence intervals of figures measured on a sample."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

RESAMPLES: Final = 2000
"""Number of bootstrap resamples."""

_CHUNK_NUMBERS: Final = 4_000_000  # per chunk: 32 MB
_QUANTILES: Final = (0.025, 0.975)
_NORMAL: Final = 1.959964  # quantile 0.975 of the standard normal distribution

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % confidence interval.

    Attributes:
        value: measured figure.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class WinRate:
    """How often one side was better, image by image.

    Attributes:
        wins: images on which the first side was better.
        ties: images on which both were equal.
        losses: images on which the other side was better.
    """

    wins: int
    ties: int
    losses: int

    @property
    def images(self) -> int:
        """Return the number of images with measurements of both sides."""
        return self.wins + self.ties + self.losses

    @property
    def rate(self) -> Estimate | None:
        """Return the win rate (ties count half) and its Wilson interval; None without images."""
        if not self.images:
            return None
        count, rate = self.images, (self.wins + self.ties / 2) / self.images
        square = _NORMAL**2
        middle = (rate + square / (2 * count)) / (1 + square / count)
        spread = math.sqrt(rate * (1 - rate) / count + square / (4 * count**2))
        reach = _NORMAL * spread / (1 + square / count)
        return Estimate(rate, max(0.0, middle - reach), min(1.0, middle + reach))


def win_rate(ours: Sequence[float], theirs: Sequence[float]) -> WinRate:
    """Count the images on which our figure is larger than theirs."""
    pairs = list(zip(ours, theirs, strict=True))
    wins, losses = sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)
    return WinRate(wins, len(pairs) - wins - losses, losses)


def ratios(over: Floats, under: Floats, seed: int) -> list[Estimate | None]:
    """Return bootstrap estimates of ratios of sums, resampling images with replacement.

    A mean is the ratio of a sum to a sum of ones. Unmeasured images have 0 in both arrays. All
    columns share the same resamples.

    Args:
        over: numerators, float64, (images, figures).
        under: denominators, float64, same shape, non-negative.
        seed: equal seeds give equal intervals.

    Returns:
        One estimate per figure; None without measurements. The interval of a single image has no
        width.
    """
    images, figures = over.shape
    if not images:
        return [None] * figures
    drawn = np.concatenate([_drawn(over, under, times) for times in _parts(images, seed)])
    measured = under.sum(axis=0) > 0
    ends = np.full((2, figures), np.nan)
    whole = measured & ~np.isnan(drawn).any(axis=0)
    ends[:, whole] = np.quantile(drawn[:, whole], _QUANTILES, axis=0)
    for column in np.flatnonzero(measured & ~whole):  # slower, and rare
        ends[:, column] = np.nanquantile(drawn[:, column], _QUANTILES)
    with np.errstate(invalid="ignore"):
        values = over.sum(axis=0) / under.sum(axis=0)
    return [
        Estimate(float(value), float(low), float(high)) if known else None
        for known, value, low, high in zip(measured, values, *ends, strict=True)
    ]


def _parts(images: int, seed: int) -> Iterator[Floats]:
    """Yield counts of each image per resample, in chunks that fit into memory."""
    random = np.random.default_rng(seed)
    at_once = max(1, min(RESAMPLES, _CHUNK_NUMBERS // images))
    counts = [min(at_once, RESAMPLES - done) for done in range(0, RESAMPLES, at_once)]
    shares = np.full(images, 1 / images)
    for count in counts:
        yield random.multinomial(images, shares, size=count).astype(np.float64)


def _drawn(over: Floats, under: Floats, times: Floats) -> Floats:
    sums = times @ under
    # A resample without a measured image carries no information.
    return np.divide(times @ over, sums, out=np.full_like(sums, np.nan), where=sums > 0)
