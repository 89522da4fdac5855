"""What strategies come to, over all images and class by class, and how often the policy wins.

An image that both could store counts for a comparison of two strategies, and no other one does:
a strategy that fails on the hard images must not look good for it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from codec.measures.psnr import PERFECT_PSNR_DB
from eval.compare.intervals import Estimate, Floats, WinRate, ratios, win_rate
from eval.compare.rows import Row, Study
from eval.compare.strategies import POLICY, STRATEGIES

MEASURES: Final = (
    "psnr_db", "psnr_luma_db", "ssim", "ms_ssim", "orb", "block_psnr_db", "ssimulacra2",
    "ssimulacra2_worst", "lpips", "niqe",
)  # fmt: skip
"""Measures that are averaged; images that come back identical are left out of each."""

WORK: Final = ("put_cpu_s", "get_cpu_s", "put_wall_s", "get_wall_s")
"""Times that are averaged, over all images that were timed."""

_FIGURES: Final = 1 + len(MEASURES) + len(WORK)


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
    rows = [row for row in study.rows if row.measured]
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    groups: list[tuple[str | None, list[Row]]] = [(None, rows)]
    if len(kinds) > 1:
        groups += sorted((kind, own) for kind, own in kinds.items() if kind)
    return tuple(each for kind, own in groups for each in _group(kind, own, study.seed))


def _group(kind: str | None, rows: Sequence[Row], seed: int) -> Iterator[Standing]:
    by_strategy: dict[str, list[Row]] = {}
    for row in rows:
        by_strategy.setdefault(row.strategy, []).append(row)
    present = [each.name for each in STRATEGIES if each.name in by_strategy]
    policy = {row.image: row for row in by_strategy.get(POLICY, ())}
    numbers = {name: place for place, name in enumerate(dict.fromkeys(row.image for row in rows))}
    if not present:
        return
    over, under = zip(*(_figures(by_strategy[name], numbers) for name in present), strict=True)
    # All strategies see the same images drawn.
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
) -> Standing:
    if saved is None:
        raise ValueError("an upload has no bytes and was measured all the same")
    pairs = [(policy[row.image], row) for row in rows if row.image in policy]
    lossy = [row.psnr_db for row in rows if row.psnr_db is not None and not identical(row)]
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


def _figures(rows: Sequence[Row], numbers: Mapping[str, int]) -> tuple[Floats, Floats]:
    """Give numerators and denominators: bytes saved of those uploaded, then means.

    Args:
        rows: Of one strategy.
        numbers: The line of each image; one without a row has zeros.
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
    """Give what is averaged of a row; not a number where it is not."""
    measures = [None if identical(row) else getattr(row, name) for name in MEASURES]
    return [
        float("nan") if value is None else value
        for value in (*measures, *(getattr(row, name) for name in WORK))
    ]


def identical(row: Row) -> bool:
    """Return whether the image comes back with the same pixels."""
    return row.psnr_db is not None and row.psnr_db >= PERFECT_PSNR_DB


def _psnr(row: Row) -> float:
    return -1.0 if row.psnr_db is None else row.psnr_db
