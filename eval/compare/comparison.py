"""Summarize strategies over all images and by class, with the policy's win rates.

A comparison of two strategies counts only images that both could store. Otherwise a strategy that
fails on hard images would look good.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from slimgate.codec.measures.psnr import PERFECT_PSNR_DB
from slimgate.eval.compare.intervals import Estimate, Floats, WinRate, ratios, win_rate
from slimgate.eval.compare.rows import Row, Study
from slimgate.eval.compare.strategies import POLICY, STRATEGIES

MEASURES: Final = (
    "psnr_db", "psnr_luma_db", "ssim", "ms_ssim", "orb", "block_psnr_db", "ssimulacra2",
    "ssimulacra2_worst", "lpips", "niqe",
)  # fmt: skip
"""Measures to average. Each excludes images that are restored identically."""

WORK: Final = ("put_cpu_s", "get_cpu_s", "put_wall_s", "get_wall_s")
"""Times to average, over all timed images."""

_FIGURES: Final = 1 + len(MEASURES) + len(WORK)


@dataclass(frozen=True, slots=True)
class StrategySummary:
    """Summary of one strategy over a group of images.

    Attributes:
        kind: class of the images; None: all classes.
        strategy: name of the strategy.
        images: number of images measured.
        uploaded: bytes uploaded.
        stored: bytes stored.
        saved: share of bytes saved, 0 to 1.
        identical: number of images restored to identical pixels.
        below: number of images below the floor.
        tiers: number of images by tier, most frequent first.
        means: mean of each measure over images that are not identical, and of each time over all
            images; names without measurements are missing.
        worst: lowest PSNR among them, dB; None if all are identical.
        fewer_bytes: win rate of the policy by stored bytes.
        finer: win rate of the policy by PSNR.
        worst_ssimulacra2: lowest SSIMULACRA2 of images that are not identical; None if there are
            none, or all are too small.
        worst_region: lowest SSIMULACRA2 of a region of them.
        closer: win rate of the policy by SSIMULACRA2.
    """

    kind: str | None
    strategy: str
    images: int
    uploaded: int
    stored: int
    saved: Estimate
    identical: int
    below: int
    tiers: dict[str, int]
    means: dict[str, Estimate]
    worst: float | None
    fewer_bytes: WinRate
    finer: WinRate
    worst_ssimulacra2: float | None
    worst_region: float | None
    closer: WinRate


def compare(study: Study) -> tuple[StrategySummary, ...]:
    """Return a summary of every measured strategy: over all images first, then by class.

    Equal studies give equal figures: intervals are drawn with the study's seed.
    """
    rows = [row for row in study.rows if row.measured]
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    groups: list[tuple[str | None, list[Row]]] = [(None, rows)]
    if len(kinds) > 1:
        groups += sorted((kind, own) for kind, own in kinds.items() if kind)
    return tuple(each for kind, own in groups for each in _group(kind, own, study.seed))


def _group(kind: str | None, rows: Sequence[Row], seed: int) -> Iterator[StrategySummary]:
    by_strategy: dict[str, list[Row]] = {}
    for row in rows:
        by_strategy.setdefault(row.strategy, []).append(row)
    present = [each.name for each in STRATEGIES if each.name in by_strategy]
    policy = {row.image: row for row in by_strategy.get(POLICY, ())}
    numbers = {name: place for place, name in enumerate(dict.fromkeys(row.image for row in rows))}
    if not present:
        return
    over, under = zip(*(_figures(by_strategy[name], numbers) for name in present), strict=True)
    # All strategies share the same resamples.
    estimates = iter(ratios(np.hstack(over), np.hstack(under), seed))
    for name in present:
        saved, *means = islice(estimates, _FIGURES)
        yield _standing(kind, by_strategy[name], policy, saved, means)


def _standing(
    kind: str | None,
    rows: Sequence[Row],
    policy: Mapping[str, Row],
    saved: Estimate | None,
    means: Sequence[Estimate | None],
) -> StrategySummary:
    if saved is None:
        raise ValueError("an empty upload was measured")
    pairs = [(policy[row.image], row) for row in rows if row.image in policy]
    lossy = [row for row in rows if not identical(row)]
    return StrategySummary(
        kind=kind,
        strategy=rows[0].strategy,
        images=len(rows),
        uploaded=sum(row.uploaded for row in rows),
        stored=sum(row.stored for row in rows),
        saved=saved,
        identical=sum(identical(row) for row in rows),
        below=sum(row.holds is False for row in rows),
        tiers=dict(Counter(row.tier for row in rows).most_common()),
        means={name: mean for name, mean in zip((*MEASURES, *WORK), means, strict=True) if mean},
        worst=_lowest(lossy, "psnr_db"),
        fewer_bytes=win_rate(
            [-ours.stored for ours, _ in pairs], [-row.stored for _, row in pairs]
        ),
        finer=win_rate([_psnr(ours) for ours, _ in pairs], [_psnr(row) for _, row in pairs]),
        worst_ssimulacra2=_lowest(lossy, "ssimulacra2"),
        worst_region=_lowest(lossy, "ssimulacra2_worst"),
        closer=win_rate(*_scores(pairs)),
    )


def _lowest(rows: Iterable[Row], measure: str) -> float | None:
    values = (getattr(row, measure) for row in rows)
    return min((value for value in values if value is not None), default=None)


def _scores(pairs: Iterable[tuple[Row, Row]]) -> tuple[list[float], list[float]]:
    """Return the scores of images that both strategies have a score of."""
    both = [
        (ours.ssimulacra2, other.ssimulacra2)
        for ours, other in pairs
        if ours.ssimulacra2 is not None and other.ssimulacra2 is not None
    ]
    return [ours for ours, _ in both], [other for _, other in both]


def _figures(rows: Sequence[Row], numbers: Mapping[str, int]) -> tuple[Floats, Floats]:
    """Return numerators and denominators: bytes saved and uploaded first, then means.

    Args:
        rows: rows of one strategy.
        numbers: row index of each image; images without a row get zeros.
    """
    over = np.zeros((len(numbers), _FIGURES))
    under = np.zeros_like(over)
    places = [numbers[row.image] for row in rows]
    values = np.array([[row.uploaded - row.stored, *_numbers(row)] for row in rows])
    over[places] = np.nan_to_num(values)
    under[places] = ~np.isnan(values)
    under[places, 0] = [row.uploaded for row in rows]
    return over, under


def _numbers(row: Row) -> list[float]:
    """Return the values of a row to average; NaN where missing."""
    measures = [None if identical(row) else getattr(row, name) for name in MEASURES]
    return [
        float("nan") if value is None else value
        for value in (*measures, *(getattr(row, name) for name in WORK))
    ]


def identical(row: Row) -> bool:
    """Return whether the restored pixels are identical to the upload's."""
    return row.psnr_db is not None and row.psnr_db >= PERFECT_PSNR_DB


def by_fidelity(row: Row) -> tuple[float, float, str]:
    """Return a sort key: the least faithful images first, by SSIMULACRA2, then by PSNR.

    Images that are too small for a score come last.
    """
    score = math.inf if row.ssimulacra2 is None else row.ssimulacra2
    return score, row.psnr_db or 0.0, row.image


def _psnr(row: Row) -> float:
    return -1.0 if row.psnr_db is None else row.psnr_db
