"""Least-squares fits of what the search predicts, and the errors of its predictions.

Errors are of predicted qualities, in steps; of dB of what scores lack to 100; or of logarithms of
sizes, which are about shares of bytes.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.fit_curves import FULL, SCORES, Key, Measured, Point, Statistics
from slimgate.codec.measures import ssimulacra2
from slimgate.codec.search import fineness, quality_model, scale_model
from slimgate.codec.search.sample_model import Ease
from slimgate.config import Floor

Doubles = npt.NDArray[np.float64]

_KNOTS: Final = (0, 50, 83, 100)
"""Qualities between which steps have one size."""

_USUAL: Final = ssimulacra2.decibels(45), ssimulacra2.decibels(93)
"""Scores that matter, dB."""

_NEAR_DB: Final = 2.0
"""Distance to which curves of full size, measured from quality 35 or 50 on, are extrapolated."""


class Errors(NamedTuple):
    """Errors of predictions.

    Attributes:
        number: number of predictions.
        bias: mean error.
        deviation: standard deviation.
    """

    number: int
    bias: float
    deviation: float

    @classmethod
    def of(cls, errors: Sequence[float]) -> "Errors":
        """Summarize errors, of which there may be none."""
        if not errors:
            return cls(0, 0.0, 0.0)
        return cls(len(errors), float(np.mean(errors)), float(np.std(errors)))


@dataclass(frozen=True, slots=True)
class Table:
    """Predictors and what they should predict, a row per case.

    Attributes:
        predictors: (cases, predictors).
        wanted: (cases,).
        held: which cases only judge, (cases,).
    """

    predictors: Doubles
    wanted: Doubles
    held: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, rows: Iterable[tuple[Sequence[float], float, bool]]) -> "Table":
        """Return a table of (predictors, wanted, held) rows."""
        predictors, wanted, held = zip(*rows, strict=True)
        return cls(np.array(predictors, float), np.array(wanted, float), np.array(held, bool))

    def fitted(self) -> list[float]:
        """Return the coefficients with the least squares of errors on cases not held back."""
        own = ~self.held
        found = np.linalg.lstsq(self.predictors[own], self.wanted[own], rcond=None)[0]
        return [round(float(each), 3) for each in found]


def fineness_fit(measured: Measured) -> list[float]:
    """Fit the dB per step of quality below, between and above the knots of the scale."""
    steps = _steps(measured)
    return Table.of(
        (_parts(a.quality, b.quality), b.score - a.score, h) for a, b, h in steps
    ).fitted()


def bytes_fit(measured: Measured) -> float:
    """Fit the growth of the logarithm of file size per dB of fineness."""
    return Table.of(
        ([fineness.of(b.quality) - fineness.of(a.quality)], b.size - a.size, held)
        for a, b, held in _steps(measured)
    ).fitted()[0]


def _steps(measured: Measured) -> Iterator[tuple[Point, Point, bool]]:
    """Yield neighbours on the curves of full size, at scores that matter; and if held back."""
    for image, curve in measured.select():
        for below, above in itertools.pairwise(curve.points):
            if _USUAL[0] <= below.score and above.score <= _USUAL[1]:
                yield below, above, measured.statistics[image].held


def _parts(low: float, high: float) -> list[float]:
    """Divide a range of qualities at the knots; return the lengths."""
    return [max(0.0, min(high, b) - max(low, a)) for a, b in itertools.pairwise(_KNOTS)]


def score_fit(measured: Measured) -> list[float]:
    """Fit constant, and coefficients of gradient and flat share, of the score at quality 50, dB."""
    cases = (
        ([1.0, found.mosaic.gradient, found.mosaic.flat], db - fineness.of(needed), found.held)
        for found, db, needed in _needed(measured)
    )
    return Table.of(cases).fitted()


def _needed(measured: Measured) -> Iterator[tuple[Statistics, float, float]]:
    """Yield statistics, a score in dB, and the quality that it needs at full size."""
    for image, curve in measured.select():
        for score in SCORES:
            needed = curve.needed(score)
            if needed is not None:
                yield measured.statistics[image], ssimulacra2.decibels(score), needed


def guesses(measured: Measured, *, held: bool) -> Errors:
    """Return the errors of the first guess of a quality, steps."""

    def errors() -> Iterator[float]:
        for image, curve in measured.select():
            found = measured.statistics[image]
            for score in SCORES if found.held == held else ():
                needed = curve.needed(score)
                floor = Floor(psnr_db=None, ssim=None, ssimulacra2=score)
                if needed is not None:
                    yield quality_model.quality(found.mosaic, floor, "avif") - needed

    return Errors.of([*errors()])


class Pair(NamedTuple):
    """A trial of a sample, and the same of its image.

    Attributes:
        found: statistics.
        score_db: what the sample's score lacks less to 100, dB.
        worst_db: the same of the worst region.
        size: logarithm of the size expected of the image to its size.
    """

    found: Statistics
    score_db: float
    worst_db: float
    size: float


def pairs(measured: Measured, scale: int) -> Iterator[Pair]:
    """Yield the trials of samples at a scale, at scores that matter."""
    for image, part in measured.select(sampled=True, scale=scale):
        whole = measured.curves[Key(image, False, FULL, scale)]
        found = measured.statistics[image]
        for own, other in zip(part.points, whole.points, strict=True):
            if _USUAL[0] <= other.score <= _USUAL[1]:
                size = own.size - math.log(found.share) - other.size
                yield Pair(found, own.score - other.score, own.worst - other.worst, size)


def sample_fit(measured: Measured, scale: int) -> dict[str, float]:
    """Fit how much better samples score, as a whole and at worst: dB per logarithm of the share."""
    known = [*pairs(measured, scale)]
    if all(each.found.held for each in known):
        return {}
    shares = [([-math.log(each.found.share)], each) for each in known]
    scores = Table.of((share, each.score_db, each.found.held) for share, each in shares)
    worst = Table.of((share, each.worst_db, each.found.held) for share, each in shares)
    return {"score_db": scores.fitted()[0], "worst_db": worst.fitted()[0]}


def sample_errors(measured: Measured, scale: int, *, held: bool) -> tuple[Errors, Errors]:
    """Return the errors of a sample's score and of its worst region, dB."""
    known = [each for each in pairs(measured, scale) if each.found.held == held]
    eases = [Ease.of(each.found.inside, each.found.whole, each.found.share) for each in known]
    both = [*zip(known, eases, strict=True)]
    scores = Errors.of([each.score_db - ease.score_db for each, ease in both])
    return scores, Errors.of([each.worst_db - ease.worst_db for each, ease in both])


class Scaled(NamedTuple):
    """What a downscaled candidate needs for a score.

    Attributes:
        held: of an image that only judges.
        score: score.
        ceiling: score without a codec.
        full: quality needed at full size.
        needed: quality needed.
        size: logarithm of its size to that at full size.
    """

    held: bool
    score: float
    ceiling: float
    full: float
    needed: float
    size: float


def scaled(measured: Measured, scale: int) -> Iterator[Scaled]:
    """Yield what a scale needs for each score that it and full size have."""
    for image, curve in measured.select(scale=scale):
        whole = measured.curves[Key(image, False, FULL, 1)]
        for score in SCORES:
            full, needed = whole.needed(score, below_db=_NEAR_DB), curve.needed(score)
            if full is not None and needed is not None:
                size = curve.size(needed) - whole.size(full)
                held = measured.statistics[image].held
                yield Scaled(held, score, curve.ceiling, full, needed, size)


def scale_fit(measured: Measured, scale: int) -> dict[str, float]:
    """Fit the dB of fineness that a codec takes more at a scale, and how much smaller it is."""
    known = [*scaled(measured, scale)]
    if all(each.held for each in known):
        return {}
    finer = [fineness.of(each.needed) - fineness.of(each.full) for each in known]
    both = [*zip(known, finer, strict=True)]
    harder = Table.of(([1.0], db - _left_db(each), each.held) for each, db in both)
    smaller = Table.of(([1.0], fineness.BYTES * db - each.size, each.held) for each, db in both)
    return {"harder_db": harder.fitted()[0], "smaller": smaller.fitted()[0]}


def _left_db(case: Scaled) -> float:
    """Return how much finer a codec must be for what the scale has lost already, dB."""
    return scale_model.left_db(case.score, case.ceiling) or 0.0


def scale_errors(measured: Measured, scale: int, *, held: bool) -> tuple[Errors, Errors]:
    """Return the errors of the predicted quality, steps, and of the size, logarithms."""
    known = [each for each in scaled(measured, scale) if each.held == held]
    needs = [scale_model.predicted(each.full, each.score, each.ceiling, scale) for each in known]
    both = [(each, need) for each, need in zip(known, needs, strict=True) if need]
    return (
        Errors.of([need.quality - each.needed for each, need in both]),
        Errors.of([math.log(need.size) - each.size for each, need in both]),
    )
