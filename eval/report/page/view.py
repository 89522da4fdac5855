"""Content of the page, from a study: headline, tables, worst images, times."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from slimgate.codec.measures.psnr import PERFECT_PSNR_DB
from slimgate.eval.compare import comparison
from slimgate.eval.compare.comparison import StrategySummary, by_fidelity, identical
from slimgate.eval.compare.obstacles import ObstacleSum, ObstacleSummary, obstacles, summed
from slimgate.eval.compare.rows import Row, Study
from slimgate.eval.compare.strategies import POLICY, STRATEGIES, Family
from slimgate.eval.report import summary

MAX_CLASSES: Final = 100
"""Maximum number of classes in tables, those with the most bytes first."""

MAX_PROBLEMS: Final = 50
"""Maximum number of unmeasured images in the list."""

MAX_OBSTACLES: Final = 25
"""Maximum number of reasons in the table of files that stay plain, those with most bytes first."""

WORST: Final = 10
"""Number of worst images in the list."""

FAMILIES: Final[Mapping[Family, str]] = {
    "policy": "As configured",
    "tier": "The same policy with a single tier",
    "transcode": "Without loss",
    "fixed": "One quality for all images, the lowest with which all that can hold the floor",
    "floor": "The lowest quality per image that holds the floor",
    "bytes": "The quality per image nearest to the policy's file size",
    "psnr": "The quality per image nearest to the policy's PSNR",
    "ssimulacra2": "The quality per image nearest to the policy's SSIMULACRA2",
}

_MORE: Final = (
    ("psnr_luma_db", "PSNR of luma, dB", 2),
    ("ms_ssim", "MS-SSIM", 4),
    ("orb", "ORB similarity", 3),
    ("block_psnr_db", "Worst block, dB", 2),
    ("ssimulacra2_worst", "SSIMULACRA2, worst region", 1),
    ("lpips", "LPIPS (lower is closer)", 4),
    ("niqe", "NIQE (lower is more natural)", 2),
)

_QUANTILES: Final = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Group:
    """A table of strategies: all images, or one class.

    Attributes:
        kind: class; None: all.
        policy: summary of the policy.
        families: each measured family with its description and strategies.
    """

    kind: str | None
    policy: StrategySummary
    families: list[tuple[str, list[tuple[str, StrategySummary]]]]


@dataclass(frozen=True, slots=True)
class Times:
    """Durations: median, 95th and 99th percentile over images, and mean."""

    title: str
    unit: str
    digits: int
    quantiles: tuple[float, ...]
    mean: float


@dataclass(frozen=True, slots=True)
class View:
    """Content of the page.

    Attributes:
        all: all images.
        kinds: one group per class; empty if there is only one class.
        more_kinds: number of classes omitted.
        least: the policy's least faithful row; None if all are identical.
        worst: the policy's rows of lowest fidelity, those below the floor first.
        problems: the policy's rows without measures, up to the limit.
        unmeasured: number of rows without measures.
        obstacles: what kept images from a tier with loss, up to the limit.
        more_obstacles: number of obstacles omitted.
        kept_back: sum of all obstacles.
        whole: bytes uploaded of all images, unmeasured ones included.
        times: durations of storing and restoring.
        more: name, title and digits of measures in the second table.
        floor: floor of the policy, as text.
    """

    all: Group
    kinds: list[Group]
    more_kinds: int
    least: Row | None
    worst: list[Row]
    problems: list[Row]
    unmeasured: int
    obstacles: list[ObstacleSummary]
    more_obstacles: int
    kept_back: ObstacleSum
    whole: int
    times: list[Times]
    more: list[tuple[str, str, int]]
    floor: str


def view(study: Study) -> View | None:
    """Return the content of the page; None without measurements."""
    standings = comparison.compare(study)
    groups = [_group(standings, kind) for kind in dict.fromkeys(each.kind for each in standings)]
    good = [group for group in groups if group is not None]
    if not good or good[0].kind is not None:
        return None
    kinds = sorted(good[1:], key=lambda group: -group.policy.uploaded)
    policy = study.of(POLICY)
    problems = [row for row in policy if not row.measured]
    measured = [row for row in policy if row.measured]
    kept_back = obstacles(policy)
    return View(
        all=good[0],
        kinds=sorted(kinds[:MAX_CLASSES], key=lambda group: group.kind or ""),
        more_kinds=len(kinds[MAX_CLASSES:]),
        least=next(iter(summary.worst(measured)), None),
        worst=worst(measured),
        problems=problems[:MAX_PROBLEMS],
        unmeasured=len(problems),
        obstacles=kept_back[:MAX_OBSTACLES],
        more_obstacles=len(kept_back[MAX_OBSTACLES:]),
        kept_back=summed(kept_back),
        whole=sum(row.uploaded for row in policy),
        times=list(_times(measured)),
        more=[each for each in _MORE if _known(good[0], each[0])],
        floor=floor(study.floor),
    )


def worst(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of lowest fidelity, those below the floor first."""
    lossy = [row for row in rows if not identical(row)]
    ordered = sorted(lossy, key=lambda row: (row.holds is not False, *by_fidelity(row)))
    return ordered[:WORST]


def floor(demanded: Mapping[str, float | None]) -> str:
    """Return the floor of a policy as text."""
    names = {
        "psnr_db": "PSNR",
        "ssim": "SSIM",
        "orb": "ORB",
        "block_psnr_db": "worst block",
        "ssimulacra2": "SSIMULACRA2",
        "ssimulacra2_worst": "SSIMULACRA2 of the worst region",
    }
    parts = [
        f"{names.get(name, name)} ≥ {value:g}{' dB' if name.endswith('_db') else ''}"
        for name, value in demanded.items()
        if value is not None
    ]
    return ", ".join(parts) or "nothing"


def _group(standings: Sequence[StrategySummary], kind: str | None) -> Group | None:
    own = {each.strategy: each for each in standings if each.kind == kind}
    if POLICY not in own:
        return None
    families = {
        title: [
            (each.title, own[each.name])
            for each in STRATEGIES
            if each.family == family and each.name in own
        ]
        for family, title in FAMILIES.items()
    }
    return Group(kind, own[POLICY], [(title, rows) for title, rows in families.items() if rows])


def _known(group: Group, measure: str) -> bool:
    return any(measure in each.means for _, rows in group.families for _, each in rows)


def _times(rows: Sequence[Row]) -> Iterator[Times]:
    """Yield durations; CPU time is per megapixel, its mean over all pixels."""
    for name in ("put", "get"):
        yield from _quantiles(f"{name.upper()}, elapsed", "ms", 0, [
            (1000 * seconds, 1.0) for row in rows
            if (seconds := getattr(row, f"{name}_wall_s")) is not None
        ])  # fmt: skip
    for name in ("put", "get"):
        yield from _quantiles(f"{name.upper()}, CPU", "s per MP", 3, [
            (seconds, row.megapixels) for row in rows
            if (seconds := getattr(row, f"{name}_cpu_s")) is not None and row.megapixels
        ])  # fmt: skip


def _quantiles(
    title: str, unit: str, digits: int, timed: Sequence[tuple[float, float]]
) -> Iterator[Times]:
    """Yield quantiles and mean of amounts, each with a size."""
    if timed:
        amounts, sizes = np.array(timed).T
        found = tuple(float(each) for each in np.quantile(amounts / sizes, _QUANTILES))
        yield Times(title, unit, digits, found, float(amounts.sum() / sizes.sum()))


def title(row: Row) -> str:
    """Return a short description of how an image is stored."""
    if row.tier == "plain":
        return "stored as uploaded"
    scale = f" ÷{row.scale}" if row.scale > 1 else ""
    codec = row.codec.upper().replace("JXL", "JPEG XL")
    return f"{row.tier}{scale}, {codec}" + (f" + {row.restorer}" if row.restorer else "")


def least(group: Group) -> str:
    """Return the lowest fidelity of a group, for the headline."""
    score = group.policy.worst_ssimulacra2
    if score is not None:
        return f"{score:.1f}"
    value = group.policy.worst
    return "identical" if value is None or value >= PERFECT_PSNR_DB else f"{value:.2f} dB"
