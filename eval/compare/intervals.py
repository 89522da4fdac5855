"""How far what was measured on a sample may be from what holds for all: 95 % intervals."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

RESAMPLES: Final = 2000
"""How often images are drawn anew."""

_CHUNK_NUMBERS: Final = 4_000_000  # drawn at a time: 32 MB
_QUANTILES: Final = (0.025, 0.975)
_NORMAL: Final = 1.959964  # quantile 0.975 of the standard normal distribution

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % confidence interval.

    Attributes:
        value: What was measured.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class WinRate:
    """How often one side was better, image by image.

    Attributes:
        wins: On how many images.
        ties: On how many both were equally good.
        losses: On how many the other side was better.
    """

    wins: int
    ties: int
    losses: int

    @property
    def images(self) -> int:
        """Give on how many images both sides were measured."""
        return self.wins + self.ties + self.losses

    @property
    def rate(self) -> Estimate | None:
        """Give the share of wins, ties as half ones, and its Wilson interval; None: no images."""
        if not self.images:
            return None
        count, rate = self.images, (self.wins + self.ties / 2) / self.images
        square = _NORMAL**2
        middle = (rate + square / (2 * count)) / (1 + square / count)
        spread = math.sqrt(rate * (1 - rate) / count + square / (4 * count**2))
        reach = _NORMAL * spread / (1 + square / count)
        return Estimate(rate, max(0.0, middle - reach), min(1.0, middle + reach))


def win_rate(ours: Sequence[float], theirs: Sequence[float]) -> WinRate:
    """Count on how many images our figure is larger than theirs."""
    pairs = list(zip(ours, theirs, strict=True))
    wins, losses = sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)
    return WinRate(wins, len(pairs) - wins - losses, losses)


def ratios(over: Floats, under: Floats, seed: int) -> list[Estimate | None]:
    """Estimate ratios of sums by bootstrapping: images are drawn anew, with replacement.

    A mean is the ratio of a sum to a sum of ones. Where images were not measured, both numbers are
    0 for them. All columns see the same images drawn.

    Args:
        over: float64, (images, figures).
        under: float64, of the same shape, at least 0.
        seed: Equal seeds give equal intervals.

    Returns:
        One estimate for each figure; None where nothing was measured. An interval is as wide as
        drawing shows it; of a single image it has no width.
    """
    images, figures = over.shape
    if not images:
        return [None] * figures
    drawn = np.concatenate([_drawn(over, under, times) for times in _parts(images, seed)])
    measured = under.sum(axis=0) > 0
    ends = np.full((2, figures), np.nan)
    whole = measured & ~np.isnan(drawn).any(axis=0)
    ends[:, whole] = np.quantile(drawn[:, whole], _QUANTILES, axis=0)
    for column in np.flatnonzero(measured & ~whole):  # slower, and rarely needed
        ends[:, column] = np.nanquantile(drawn[:, column], _QUANTILES)
    with np.errstate(invalid="ignore"):
        values = over.sum(axis=0) / under.sum(axis=0)
    return [
        Estimate(float(value), float(low), float(high)) if known else None
        for known, value, low, high in zip(measured, values, *ends, strict=True)
    ]


def _parts(images: int, seed: int) -> Iterator[Floats]:
    """Draw images: how often each one comes, for each resample, in parts that fit into memory."""
    random = np.random.default_rng(seed)
    at_once = max(1, min(RESAMPLES, _CHUNK_NUMBERS // images))
    counts = [min(at_once, RESAMPLES - done) for done in range(0, RESAMPLES, at_once)]
    shares = np.full(images, 1 / images)
    for count in counts:
        yield random.multinomial(images, shares, size=count).astype(np.float64)


def _drawn(over: Floats, under: Floats, times: Floats) -> Floats:
    sums = times @ under
    # A resample without a single measured image says nothing.
    return np.divide(times @ over, sums, out=np.full_like(sums, np.nan), where=sums > 0)
