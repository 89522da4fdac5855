"""Tables of results, losses as plainly as gains: a short one to read, and long ones as CSV."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from slimgate.models.training.evaluation.contenders import (
    Labels,
    contenders,
    networks_of,
    reference,
)
from slimgate.models.training.evaluation.curves import Measure, Range, compare
from slimgate.models.training.evaluation.plan import NONE, Coding, Plan, Point

Means = Mapping[str, Sequence[Point]]
"""Mean points of each class."""

Row = tuple[object, ...]
"""A row of a CSV file; the first one has the names of columns."""

_MEASURES: Final[tuple[tuple[Measure, int], ...]] = (("psnr_db", 2), ("ssim", 4))


def summary(means: Means, plan: Plan, labels: Labels) -> Iterator[str]:
    """Yield the table of each network's mean gain in the files of the first codec, in Markdown.

    At full size a network is compared with no restorer, else with Lanczos.
    """
    networks = [(scale, name) for scale in (1, *plan.scales) for name in networks_of(labels, scale)]
    if not networks:
        return
    yield (
        f"Mean gain of each network in the same {plan.codecs[0]} files: PSNR in dB, and SSIM. "
        "Over Lanczos; at full size over no restorer."
    )
    yield ""
    yield _row("class", *(name for _, name in networks))
    yield _rule(1 + len(networks))
    for name, points in means.items():
        cells = (_mean(points, plan, scale, network) for scale, network in networks)
        yield _row(name, *cells)
    yield ""


def equal_bytes(means: Means, plan: Plan, labels: Labels) -> Iterator[Row]:
    """Yield the ranges of bits per pixel in which each contender wins or loses: rows of CSV."""
    yield (
        "class", "measure", "contender", "against", "from_bpp", "to_bpp", "from_value", "to_value",
        "gain",
    )  # fmt: skip
    against = reference(plan)
    for measure, digits in _MEASURES:
        for name, points in means.items():
            for contender in contenders(plan, labels):
                ranges = compare(contender.curve(points, measure), against.curve(points, measure))
                for each in ranges:
                    yield (
                        *(name, measure, contender.label, against.label),
                        *_numbers(each, digits),
                    )


def _mean(points: Sequence[Point], plan: Plan, scale: int, network: str) -> str:
    found = {(point.coding, point.restorer): point for point in points}
    codings = [Coding(plan.codecs[0], _chroma(scale), q, scale) for q in plan.qualities]
    rival = NONE if scale == 1 else "lanczos"
    cells = []
    for measure, digits in _MEASURES:
        values = [
            getattr(found[coding, network], measure) - getattr(found[coding, rival], measure)
            for coding in codings
        ]
        cells.append(f"{float(np.mean(values)):+.{digits}f}")
    return ", ".join(cells)


def _numbers(found: Range, digits: int) -> Row:
    values = found.low_value, found.high_value
    return (
        *(f"{bits:.2f}" for bits in (found.low, found.high)),
        *(f"{value:.{digits}f}" for value in values),
        f"{found.gain:+.{digits}f}",
    )


def _chroma(scale: int) -> str:
    return "4:2:0" if scale == 1 else "4:4:4"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns
