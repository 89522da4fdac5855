"""Curves of bytes against SSIMULACRA2: what each codec needs for a score, class by class.

A curve counts the images of a class that the policy stores with loss. At a score, each image counts
the bytes that its codec needs for it, interpolated between the qualities that were measured: the
logarithm of bytes over the distance of the score to 100 in dB. Where a codec does not reach the
score, or needs more than the upload, the upload counts.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from slimgate.codec.measures.ssimulacra2 import decibels
from slimgate.eval.compare.comparison import identical
from slimgate.eval.compare.rows import Row, Study
from slimgate.eval.compare.strategies import POLICY, of_family

SCORES: Final = tuple(40 + 2.5 * step for step in range(22))
"""Scores of a curve, 40 to 92.5."""

NAMED: Final = (55.0, 70.0, 80.0, 90.0)
"""Scores that the fidelities economy, standard, high and archive demand."""


@dataclass(frozen=True, slots=True)
class ClassCurves:
    """Curves of one class.

    Attributes:
        kind: class; None: all.
        images: number of images that the policy stores with loss.
        uploaded: their size, bytes.
        stored: bytes that the policy stores of them.
        score: mean SSIMULACRA2 of what it serves.
        needed: bytes that each strategy needs, by the scores of ``SCORES``.
    """

    kind: str | None
    images: int
    uploaded: int
    stored: int
    score: float
    needed: Mapping[str, tuple[int, ...]]

    def share(self, strategy: str, score: float) -> float:
        """Return the bytes of a strategy at one of ``SCORES``, as a share of the uploads."""
        return self.needed[strategy][SCORES.index(score)] / self.uploaded


def curves(study: Study) -> tuple[ClassCurves, ...]:
    """Return the curves of all images, then of each class; none without scores."""
    lossy = [row for row in study.of(POLICY) if row.measured and not identical(row)]
    scored = [row for row in lossy if row.ssimulacra2 is not None]
    points: dict[str, dict[str, Row]] = {}
    for strategy in of_family("ssimulacra2"):
        rows = {row.image: row for row in study.of(strategy.name) if row.curve}
        if rows:
            points[strategy.name] = rows
    kinds = sorted({row.kind for row in scored})
    groups = [(None, scored), *((k, [r for r in scored if r.kind == k]) for k in kinds if k)]
    # A single class is all there is.
    groups = groups[:1] if len(kinds) <= 1 else groups
    return tuple(_curves(kind, rows, points) for kind, rows in groups if rows and points)


def _curves(
    kind: str | None, rows: Sequence[Row], points: Mapping[str, Mapping[str, Row]]
) -> ClassCurves:
    return ClassCurves(
        kind=kind,
        images=len(rows),
        uploaded=sum(row.uploaded for row in rows),
        stored=sum(row.stored for row in rows),
        score=float(np.mean([row.ssimulacra2 for row in rows if row.ssimulacra2 is not None])),
        needed={name: tuple(_totals(rows, known)) for name, known in points.items()},
    )


def _totals(rows: Sequence[Row], known: Mapping[str, Row]) -> Iterator[int]:
    for score in SCORES:
        each = (_bytes(known[r.image].curve if r.image in known else (), score) for r in rows)
        pairs = zip(rows, each, strict=True)
        yield round(sum(min(row.uploaded, size) for row, size in pairs))


def _bytes(curve: Sequence[tuple[int, float]], score: float) -> float:
    """Return the bytes that one image needs for a score; infinite if no quality reaches it."""
    enough = _smallest(curve)
    if not enough or score > enough[-1][1]:
        return math.inf
    sizes, scores = zip(*enough, strict=True)
    logs, places = [math.log(size) for size in sizes], [decibels(each) for each in scores]
    return float(math.exp(np.interp(decibels(score), places, logs)))


def _smallest(curve: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return points with rising sizes and scores: no other is smaller with the same score."""
    kept: list[tuple[int, float]] = []
    for size, score in sorted(curve, key=lambda point: (point[0], -point[1])):
        if not kept or score > kept[-1][1]:
            kept.append((size, score))
    return kept
