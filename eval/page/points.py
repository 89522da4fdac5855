"""What the plots show: a point for each image and strategy, as data for the page's script."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from eval.comparison import identical
from eval.page.shown import capital, text
from eval.rows import Row, Study
from eval.strategies import POLICY, STRATEGIES

MAX_POINTS: Final = 6000
"""How many points a page has at most; images are left out evenly then, but never the worst ones."""

MAX_PLOTS: Final = 24
"""How many classes are drawn at most, those with the most images first."""

MEASURES: Final = (
    ("psnr_db", "PSNR", "dB", 2),
    ("ssim", "SSIM", "", 4),
    ("block_psnr_db", "PSNR of the worst block", "dB", 2),
    ("orb", "ORB similarity", "", 3),
)
"""What may stand on the vertical axis: name, title, unit, digits."""

_WORST: Final = 10


def plots(study: Study) -> dict[str, Any]:
    """Gather the points of all plots.

    Returns:
        Plain data. ``images`` are names, ``tiers`` too; each plot has ``points`` of the form
        ``[strategy, image, tier, uploaded, stored, identical, *measures]``, the first three as
        indices.
    """
    rows = [row for row in study.rows if row.measured and row.uploaded]
    used = {row.strategy for row in rows}
    strategies = [each for each in STRATEGIES if each.name in used]
    kinds = _kinds(rows)
    limit = max(2 * _WORST, MAX_POINTS // max(1, len(strategies) * len(kinds)))
    taken = {kind: _taken(rows, kind, limit) for kind in kinds}
    images = {name: number for number, name in enumerate(dict.fromkeys(_flat(taken.values())))}
    tiers = {name: number for number, name in enumerate(dict.fromkeys(row.tier for row in rows))}
    index = {each.name: number for number, each in enumerate(strategies)}
    floor = {name: study.floor.get(name) for name, *_ in MEASURES}
    return {
        "strategies": [
            {
                "name": s.name,
                "title": capital(s.title),
                "family": s.family,
                "codec": _colour(s.name),
            }
            for s in strategies
        ],
        "measures": [
            {"name": name, "title": title, "unit": unit, "digits": digits, "floor": floor[name]}
            for name, title, unit, digits in MEASURES
            if any(getattr(row, name) is not None for row in rows)
        ],
        "images": [text(name) for name in images],
        "tiers": list(tiers),
        "plots": [
            {
                "kind": text(kind),
                "points": [
                    _point(row, index[row.strategy], images[row.image], tiers[row.tier])
                    for row in rows
                    if row.kind == kind and row.image in taken[kind]
                ],
            }
            for kind in kinds
        ],
    }


def _kinds(rows: Sequence[Row]) -> list[str]:
    images: dict[str, int] = {}
    for row in rows:
        images[row.kind] = images.get(row.kind, 0) + (row.strategy == POLICY)
    largest = sorted(images, key=lambda kind: -images[kind])[:MAX_PLOTS]
    return sorted(largest)


def _taken(rows: Sequence[Row], kind: str, limit: int) -> frozenset[str]:
    own = [row for row in rows if row.strategy == POLICY and row.kind == kind]
    if len(own) <= limit:
        return frozenset(row.image for row in own)
    worst = sorted(own, key=lambda row: row.psnr_db or 0.0)[:_WORST]
    step = len(own) / (limit - _WORST)
    evenly = [own[int(number * step)] for number in range(limit - _WORST)]
    return frozenset(row.image for row in (*worst, *evenly))


def _flat(groups: Any) -> Iterator[str]:
    for group in groups:
        yield from sorted(group)


def _colour(strategy: str) -> str:
    """Name the hue of a strategy: what it writes, or how it enlarges."""
    return strategy.partition("-")[0]


def _point(row: Row, strategy: int, image: int, tier: int) -> list[float | int | None]:
    measures = [
        None if value is None else round(value, digits)
        for value, digits in ((getattr(row, name), digits) for name, *_, digits in MEASURES)
    ]
    return [strategy, image, tier, row.uploaded, row.stored, int(identical(row)), *measures]
