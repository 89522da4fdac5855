"""What strategies come to, over all images and class by class, and how often the policy wins.

An image that both could store counts for a comparison of two strategies, and no other one does:
a strategy that fails on the hard images must not look good for it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from codec.fidelity import PERFECT_PSNR_DB
from eval.intervals import Estimate, Floats, WinRate, ratios, win_rate
from eval.rows import Row, Study
from eval.strategies import POLICY, STRATEGIES

MEASURES: Final = (
    "psnr_db", "psnr_luma_db", "ssim", "ms_ssim", "orb", "block_psnr_db", "ssimulacra2", "lpips",
    "niqe",
)  # fmt: skip
"""Measures that are averaged; images that come back identical are left out of each."""

WORK: Final = ("put_cpu_s", "get_cpu_s", "put_wall_s", "get_wall_s")
"""Times that are averaged, over all images that were timed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What one strategy comes to on a group of images.

    Attributes:
        kind: Class of the images; None: all classes.
        strategy: Its name.
        images: How many were measured.
        uploaded: Bytes of them.
        stored: Bytes of what is stored of them.
        saved: Share of these bytes that is saved, 0 to 1.
        identical: How many come back with the same pixels.
        below: How many are below the floor.
        tiers: How many are stored in each tier, the most frequent one first.
        means: Mean of each measure over the images that do not come back identical, and of each
            time over all; a name is missing where nothing was measured.
        worst: Least PSNR in dB among them; None where all are identical.
        fewer_bytes: How often the policy stores fewer bytes than this strategy.
        finer: How often the policy serves a higher PSNR.
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


def compare(study: Study) -> tuple[Standing, ...]:
    """Sum up every strategy that was measured at all: over all images first, then by class.

    Equal studies give equal figures: intervals are drawn with the study's seed.
    """
    kinds = sorted({row.kind for row in study.rows if row.kind})
    groups: list[str | None] = [None, *(kinds if len(kinds) > 1 else [])]
    return tuple(standing for kind in groups for standing in _group(study, kind))


def _group(study: Study, kind: str | None) -> Iterator[Standing]:
    rows = [row for row in study.rows if row.measured and kind in (None, row.kind)]
    policy = {row.image: row for row in rows if row.strategy == POLICY}
    for strategy in STRATEGIES:
        own = [row for row in rows if row.strategy == strategy.name]
        if own:
            yield _standing(kind, own, policy, study.seed)


def _standing(kind: str | None, rows: Sequence[Row], policy: dict[str, Row], seed: int) -> Standing:
    pairs = [(policy[row.image], row) for row in rows if row.image in policy]
    saved, *means = ratios(*_figures(rows), seed)
    lossy = [row.psnr_db for row in rows if row.psnr_db is not None and not identical(row)]
    if saved is None:
        raise ValueError("an upload has no bytes and was measured all the same")
    return Standing(
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
        worst=min(lossy, default=None),
        fewer_bytes=win_rate(
            [-ours.stored for ours, _ in pairs], [-row.stored for _, row in pairs]
        ),
        finer=win_rate([_psnr(ours) for ours, _ in pairs], [_psnr(row) for _, row in pairs]),
    )


def _figures(rows: Sequence[Row]) -> tuple[Floats, Floats]:
    """Give numerators and denominators: bytes saved of those uploaded, then means."""
    over = [[float(row.uploaded - row.stored), *_numbers(row)] for row in rows]
    under = [
        [float(row.uploaded), *(not np.isnan(number) for number in _numbers(row))] for row in rows
    ]
    return np.nan_to_num(np.array(over)), np.array(under, dtype=np.float64)


def _numbers(row: Row) -> list[float]:
    """Give what is averaged of a row; not a number where it is not."""
    measures = [None if identical(row) else getattr(row, name) for name in MEASURES]
    return [
        float("nan") if value is None else value
        for value in (*measures, *(getattr(row, name) for name in WORK))
    ]


def identical(row: Row) -> bool:
    """Tell whether the image comes back with the same pixels."""
    return row.psnr_db is not None and row.psnr_db >= PERFECT_PSNR_DB


def _psnr(row: Row) -> float:
    return -1.0 if row.psnr_db is None else row.psnr_db
