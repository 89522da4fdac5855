"""Bytes against score for one image: a point per trial, and for each result before it."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from slimgate.codec.search.state import Trial
from slimgate.gateway.admin.playground.filters import size
from slimgate.gateway.admin.playground.results import Point, Result
from slimgate.gateway.optimize import trial_rows

WIDTH: Final = 360
HEIGHT: Final = 200
LEFT, RIGHT, TOP, BOTTOM = 34, 10, 10, 30
"""Margins for the axes, in units of the drawing."""

_STEP: Final = 10
_LEAST_SPAN: Final = 30.0
_TICKS: Final = 4


class Dot(NamedTuple):
    """A point in the drawing."""

    x: float
    y: float
    title: str
    kind: str


class Curve(NamedTuple):
    """The drawing.

    Attributes:
        dots: Points, those that matter most last.
        lines: Results, and points of one tier, codec and scale, as SVG's ``points``.
        floor: Height of the floor; None: it names no score.
        across: Position and label of ticks of bytes.
        up: Position and label of ticks of scores.
    """

    dots: tuple[Dot, ...]
    lines: tuple[str, ...]
    floor: float | None
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]


_ORDER: Final = ("sample", "below", "holds", "earlier", "won")


def won(result: Result) -> Point | None:
    """Return the point of a result; None without a score."""
    found = result.found
    score = found.manifest.measured.scores.get("ssimulacra2") if found else None
    if found is None or score is None:
        return None
    stored, policy = found.manifest.stored, result.policy
    label = f"{policy.fidelity or policy.name}: {stored.tier}, {stored.codec}"
    return Point(len(found.rendition), score, label, "won")


def curve(result: Result) -> Curve | None:
    """Return the drawing of a result; None if nothing was scored."""
    tried = list(_tried(result))
    own = won(result)
    results = [*result.earlier, *([] if own is None else [own])]
    points = [*(each for _, each in tried), *results]
    if not points:
        return None
    floor = _floor(result)
    scores = [each.score for each in points] + ([] if floor is None else [floor])
    low = min(_STEP * (min(scores) // _STEP), 100 - _LEAST_SPAN)
    most = 1.05 * max(each.size for each in points)

    def x(count: float) -> float:
        return round(LEFT + count / most * (WIDTH - LEFT - RIGHT), 1)

    def y(score: float) -> float:
        return round(TOP + (100 - score) / (100 - low) * (HEIGHT - TOP - BOTTOM), 1)

    return Curve(
        dots=tuple(
            Dot(x(p.size), y(p.score), f"{p.label}: {p.size:,} bytes, score {p.score:.1f}", p.kind)
            for p in sorted(points, key=lambda each: _ORDER.index(each.kind))
        ),
        lines=tuple(
            " ".join(f"{x(p.size)},{y(p.score)}" for p in line) for line in _lines(tried, results)
        ),
        floor=None if floor is None else y(floor),
        across=tuple((x(most * n / _TICKS), size(most * n / _TICKS)) for n in range(1, _TICKS)),
        up=tuple((y(score), str(score)) for score in range(int(low), 101, _STEP)),
    )


def _floor(result: Result) -> float | None:
    guard = result.found.manifest.guard if result.found else None
    return result.policy.guarded_floor(guard).ssimulacra2


def _tried(result: Result) -> Iterator[tuple[Trial, Point]]:
    """Yield the scored trials but the winner."""
    winner = result.found.manifest.stored if result.found else None
    for trial in result.trials:
        score = trial.reading.ssimulacra2
        if score is None or not trial.size or trial_rows.won(trial, winner):
            continue
        candidate = trial.candidate
        shrunk = f" ÷{candidate.scale}" if candidate.scale > 1 else ""
        label = f"{candidate.tier}{shrunk}, {candidate.codec}, quality {trial.quality}"
        kind = "sample" if trial.sampled else "holds" if trial.verdict == "holds" else "below"
        yield trial, Point(trial.size, score, label, kind)


def _lines(tried: Sequence[tuple[Trial, Point]], results: Sequence[Point]) -> Iterator[list[Point]]:
    """Yield results by size, and whole-image points of each tier, codec and scale."""
    yield sorted(results)
    whole = [(_way(trial), point) for trial, point in tried if not trial.sampled]
    for _, group in groupby(sorted(whole), key=lambda each: each[0]):
        yield sorted(point for _, point in group)


def _way(trial: Trial) -> tuple[str, str, int]:
    return trial.candidate.tier, trial.candidate.codec, trial.candidate.scale
