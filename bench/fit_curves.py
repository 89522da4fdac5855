"""Curves of trials: what one image, or its sample, has at each quality of one candidate."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from bench.fit_trials import UNCODED
from bench.journal import Line
from slimgate.codec.measures import ssimulacra2
from slimgate.codec.search import fineness
from slimgate.codec.search.quality_model import Activity

SCORES: Final = (55, 62, 70, 75, 80, 85, 90)
"""Scores whose qualities are predicted, those of floors by name among them."""

FULL: Final = "4:4:4"


class Key(NamedTuple):
    """What a curve is of."""

    image: str
    sampled: bool
    chroma: str
    scale: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of an image and of its sample.

    Attributes:
        held: predictions are judged by the image, not fitted to it.
        share: share of the image that its sample is.
        whole: activity of the image.
        inside: activity of its sample, without seams.
        mosaic: activity of its sample, with seams.
    """

    held: bool
    share: float
    whole: Activity
    inside: Activity
    mosaic: Activity

    @classmethod
    def of(cls, line: Line) -> "Statistics":
        """Return what a line of a journal says."""
        whole, inside, mosaic = line["whole"], line["inside"], line["mosaics"]["1"]
        return cls(
            line["held"], line["share"], Activity(*whole), Activity(*inside), Activity(*mosaic)
        )


class Point(NamedTuple):
    """One trial.

    Attributes:
        quality: quality.
        score: SSIMULACRA2 score, as dB of what it lacks to 100.
        worst: the same of the worst region.
        size: natural logarithm of the size in bytes.
    """

    quality: int
    score: float
    worst: float
    size: float

    @classmethod
    def of(cls, line: Line) -> "Point":
        """Return what a line of a journal says."""
        score, worst = (
            ssimulacra2.decibels(line[name]) for name in ("ssimulacra2", "ssimulacra2_worst")
        )
        return cls(line["quality"], score, worst, math.log(line["size"]))


@dataclass(frozen=True, slots=True)
class Curve:
    """Trials of one candidate.

    Attributes:
        points: trials, by quality.
        ceiling: score without a codec.
    """

    points: Sequence[Point]
    ceiling: float

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Curve":
        """Return the curve of some lines of a journal."""
        points, ceiling = [], 100.0
        for line in lines:
            if line["quality"] == UNCODED:
                ceiling = line["ssimulacra2"]
            else:
                points.append(Point.of(line))
        return cls(sorted(points), ceiling)

    def needed(self, score: float, *, below_db: float = 0.0) -> float | None:
        """Return the quality at which a score is reached; None beyond those tried.

        Args:
            score: SSIMULACRA2 score.
            below_db: distance below the lowest score to which fineness extrapolates, dB.
        """
        rising = np.maximum.accumulate([each.score for each in self.points])
        wanted = ssimulacra2.decibels(score)
        lacking = rising[0] - wanted
        if 0 < lacking <= below_db:
            return fineness.quality(fineness.of(self.points[0].quality) - lacking)
        if lacking > 0 or wanted > rising[-1]:
            return None
        return float(np.interp(wanted, rising, [each.quality for each in self.points]))

    def size(self, quality: float) -> float:
        """Return the logarithm of the size at a quality, interpolated, or below by fineness."""
        first = self.points[0]
        if quality < first.quality:
            return first.size - fineness.BYTES * (fineness.of(first.quality) - fineness.of(quality))
        qualities, sizes = zip(*((each.quality, each.size) for each in self.points), strict=True)
        return float(np.interp(quality, qualities, sizes))


@dataclass(frozen=True, slots=True)
class Measured:
    """All that was measured.

    Attributes:
        statistics: statistics by image.
        curves: curves by what they are of.
    """

    statistics: Mapping[str, Statistics]
    curves: Mapping[Key, Curve]

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Measured":
        """Sort the lines of a journal."""
        statistics: dict[str, Statistics] = {}
        trials: dict[Key, list[Line]] = defaultdict(list)
        for line in lines:
            if "share" in line:
                statistics[line["image"]] = Statistics.of(line)
                continue
            key = Key(line["image"], line["sampled"], line["chroma"], line["scale"])
            trials[key].append(line)
        return cls(statistics, {key: Curve.of(found) for key, found in trials.items()})

    def select(
        self, *, sampled: bool = False, chroma: str = FULL, scale: int = 1
    ) -> Iterator[tuple[str, Curve]]:
        """Yield the images that have a curve of some kind, and the curve."""
        for image in self.statistics:
            key = Key(image, sampled, chroma, scale)
            if key in self.curves:
                yield image, self.curves[key]
