"""Summarize a study for the page, the table and programs that compare runs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import TypeAdapter

from slimgate.eval.compare.comparison import StrategySummary, by_fidelity, compare, identical
from slimgate.eval.compare.curves import SCORES, ClassCurves, curves
from slimgate.eval.compare.obstacles import ObstacleSummary, obstacles
from slimgate.eval.compare.recommendation import Recommendation, recommend
from slimgate.eval.compare.rows import PLAIN, Row, Study
from slimgate.eval.compare.strategies import of_family
from slimgate.eval.cost.money_measured import Budget, budget
from slimgate.eval.cost.money_prices import Prices

_WORST: Final = 10
_QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """An image without measures, and why."""

    image: str
    problem: str


@dataclass(frozen=True, slots=True)
class WorstImage:
    """One of the least faithful images: measures, and the SSIMULACRA2 of its worst region."""

    image: str
    kind: str
    ssimulacra2: float | None
    ssimulacra2_worst: float | None
    psnr_db: float | None
    uploaded: int
    stored: int
    tier: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Summary of a study.

    Attributes:
        images: number of images measured.
        uploaded: bytes uploaded.
        stored: bytes stored by the policy.
        tiers: number of images by tier.
        below: number of images below the floor.
        unmeasured: images without measures.
        obstacles: what kept images from a tier with loss, and how many bytes that costs.
        common_qualities: lowest quality per codec at which every image that can hold the floor
            does.
        seconds: quantiles (``p50``, ``p95``, ``p99``) of wall-clock and CPU time of the policy's
            PUT and GET, by row field.
        cpu_s_per_megapixel: mean CPU time per megapixel.
        money: costs of a bucket of such images; None without measurements.
        recommended: policy that saves most.
        standings: every strategy, over all images and by class.
        curves: bytes that codecs need for scores, over all images and by class.
        scores: the scores of curves.
        worst: the least faithful images that are not identical, by SSIMULACRA2.
    """

    images: int
    uploaded: int
    stored: int
    tiers: Mapping[str, int]
    below: int
    unmeasured: Sequence[Unmeasured]
    obstacles: Sequence[ObstacleSummary]
    common_qualities: Mapping[str, int]
    seconds: Mapping[str, Mapping[str, float]]
    cpu_s_per_megapixel: Mapping[str, float]
    money: Budget | None
    recommended: Recommendation
    standings: Sequence[StrategySummary]
    curves: Sequence[ClassCurves]
    scores: Sequence[float]
    worst: Sequence[WorstImage]

    @property
    def saved(self) -> float:
        """Return the share of bytes that the policy saves."""
        return 1 - self.stored / self.uploaded if self.uploaded else 0.0


def summarize(study: Study, prices: Prices) -> Summary:
    """Return the summary of a study, with costs at the prices of a store."""
    measured = [row for row in study.of() if row.measured]
    unmeasured = [Unmeasured(r.image, r.problem) for r in study.of() if not r.measured]
    return Summary(
        images=len(measured),
        uploaded=sum(row.uploaded for row in measured),
        stored=sum(row.stored for row in measured),
        tiers=dict(Counter(row.tier for row in measured).most_common()),
        below=sum(row.holds is False for row in measured),
        unmeasured=unmeasured,
        obstacles=obstacles(study.of()),
        common_qualities=_common_qualities(study),
        seconds=_seconds(measured),
        cpu_s_per_megapixel={
            name: _per_megapixel(measured, name) for name in ("put_cpu_s", "get_cpu_s")
        },
        money=budget(study, prices),
        recommended=recommend(study),
        standings=compare(study),
        curves=curves(study),
        scores=SCORES,
        worst=[_worst(row) for row in worst(measured)],
    )


def worst(rows: Iterable[Row]) -> list[Row]:
    """Return the least faithful images that are not identical."""
    return sorted((row for row in rows if not identical(row)), key=by_fidelity)[:_WORST]


def _worst(row: Row) -> WorstImage:
    return WorstImage(**{each.name: getattr(row, each.name) for each in fields(WorstImage)})


def save(summary: Summary, path: Path) -> None:
    """Write a summary as JSON."""
    path.write_bytes(TypeAdapter(Summary).dump_json(summary, indent=2) + b"\n")


def _common_qualities(study: Study) -> dict[str, int]:
    found: dict[str, int] = {}
    for strategy in of_family("fixed"):
        rows = (row for row in study.of(strategy.name) if row.tier != PLAIN)
        quality = next((row.quality for row in rows), None)
        if quality is not None:
            found[strategy.name] = quality
    return found


def _seconds(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name in ("put_wall_s", "put_cpu_s", "get_wall_s", "get_cpu_s"):
        values = [value for row in rows if (value := getattr(row, name)) is not None]
        if values:
            found[name] = {
                label: float(np.quantile(values, share)) for label, share in _QUANTILES.items()
            }
    return found


def _per_megapixel(rows: Sequence[Row], name: str) -> float:
    timed = [(value, row.megapixels) for row in rows if (value := getattr(row, name)) is not None]
    pixels = sum(megapixels for _, megapixels in timed)
    return sum(value for value, _ in timed) / pixels if pixels else 0.0
