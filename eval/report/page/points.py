"""Data of the plots: a point per image and strategy."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from slimgate.eval.compare.comparison import by_fidelity, identical
from slimgate.eval.compare.rows import Row, Study
from slimgate.eval.compare.strategies import POLICY, STRATEGIES, Strategy
from slimgate.eval.report.page.formatting import capital, text

MAX_POINTS: Final = 6000
"""Maximum number of points; images are thinned evenly, but the worst ones always stay."""

MAX_PLOTS: Final = 24
"""Maximum number of classes with a plot, those with the most images first."""

_WORST: Final = 10


class Measure(NamedTuple):
    """A measure for the vertical axis."""

    name: str
    title: str
    unit: str
    digits: int


MEASURES: Final = (
    Measure("ssimulacra2", "SSIMULACRA2", "", 1),
    Measure("ssimulacra2_worst", "SSIMULACRA2 of the worst region", "", 1),
    Measure("psnr_db", "PSNR", "dB", 2),
    Measure("ssim", "SSIM", "", 4),
    Measure("block_psnr_db", "PSNR of the worst block", "dB", 2),
    Measure("orb", "ORB similarity", "", 3),
)
"""All measures; a page has those that were measured."""


def plots(study: Study) -> dict[str, Any]:
    """Return the data of all plots.

    Returns:
        Plain data. ``images`` and ``tiers`` are names; each plot has ``points`` of the form
        ``[strategy, image, tier, uploaded, stored, identical, *measures]``, the first three as
        indices, the last as in ``measures``.
    """
    rows = [row for row in study.rows if row.measured and row.uploaded]
    used = {row.strategy for row in rows}
    strategies = [each for each in STRATEGIES if each.name in used]
    measures = [each for each in MEASURES if any(_value(row, each) is not None for row in rows)]
    kinds = _kinds(rows)
    limit = max(1, MAX_POINTS // max(1, len(strategies) * len(kinds)))
    taken = {kind: _taken(rows, kind, limit) for kind in kinds}
    images = _numbered(sorted(set().union(*taken.values())))
    tiers = _numbered(dict.fromkeys(row.tier for row in rows))
    index = _numbered(each.name for each in strategies)
    drawn: dict[str, list[list[float | int | None]]] = {kind: [] for kind in kinds}
    for row in rows:
        if row.image in taken.get(row.kind, ()):
            numbers = [index[row.strategy], images[row.image], tiers[row.tier]]
            drawn[row.kind].append([*numbers, *_point(row, measures)])
    return {
        "strategies": [_described(each) for each in strategies],
        "measures": [_axis(each, study) for each in measures],
        "images": [text(name) for name in images],
        "tiers": list(tiers),
        "plots": [{"kind": text(kind), "points": points} for kind, points in drawn.items()],
    }


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


def _described(strategy: Strategy) -> dict[str, str]:
    """Return how to draw a strategy; its hue stands for the codec or interpolation."""
    hue = strategy.name.partition("-")[0]
    title = capital(strategy.title)
    return {"name": strategy.name, "title": title, "family": strategy.family, "codec": hue}


def _axis(measure: Measure, study: Study) -> dict[str, Any]:
    return {**measure._asdict(), "floor": study.floor.get(measure.name)}


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
    ordered = sorted(own, key=by_fidelity)
    worst = {row.image for row in ordered[: min(_WORST, -(-limit // 2))]}
    others = [row.image for row in own if row.image not in worst]
    count = limit - len(worst)
    return frozenset(worst | {others[number * len(others) // count] for number in range(count)})


def _point(row: Row, measures: Sequence[Measure]) -> list[float | int | None]:
    values = [(_value(row, each), each.digits) for each in measures]
    rounded = [None if value is None else round(value, digits) for value, digits in values]
    return [row.uploaded, row.stored, int(identical(row)), *rounded]


def _value(row: Row, measure: Measure) -> float | None:
    value: float | None = getattr(row, measure.name)
    return value
