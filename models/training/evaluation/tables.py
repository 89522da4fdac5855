"""Format results as Markdown, losses as plainly as gains."""

from collections.abc import Iterator, Mapping, Sequence

from slimgate.models.training.evaluation.contenders import (
    Labels,
    contenders,
    networks_of,
    reference,
)
from slimgate.models.training.evaluation.curves import Measure, Range, compare
from slimgate.models.training.evaluation.plan import INTERPOLATIONS, NONE, Coding, Plan, Point

Means = Mapping[str, Sequence[Point]]
"""Mean points of each class."""

_MEASURES: tuple[tuple[Measure, str, int], ...] = (("psnr_db", "PSNR, dB", 2), ("ssim", "SSIM", 4))


def gains(means: Means, plan: Plan, labels: Labels) -> Iterator[str]:
    """Yield the table of each network's gain on identical bytes."""
    for scale in (1, *plan.scales):
        for network in networks_of(labels, scale):
            rivals = [NONE] if scale == 1 else list(INTERPOLATIONS)
            for measure, unit, digits in _MEASURES:
                said = ", ".join("no restorer" if each == NONE else each for each in rivals)
                yield f"**{network}** at the same bytes: {unit} (difference to {said})"
                yield ""
                yield _row("class", "codec", *(f"q{quality}" for quality in plan.qualities))
                yield _rule(2 + len(plan.qualities))
                for name, points in means.items():
                    values = {(p.coding, p.restorer): getattr(p, measure) for p in points}
                    for codec in plan.codecs:
                        codings = [Coding(codec, _chroma(scale), q, scale) for q in plan.qualities]
                        cells = (_cell(values, c, network, rivals, digits) for c in codings)
                        yield _row(name, codec, *cells)
                yield ""


def equal_bytes(means: Means, plan: Plan, labels: Labels) -> Iterator[str]:
    """Yield the ranges of bits per pixel in which each contender wins and loses."""
    against = reference(plan)
    for measure, unit, digits in _MEASURES:
        yield f"Against **{against.label}**: {unit}"
        yield ""
        yield _row("class", "contender", "wins", "loses")
        yield _rule(4)
        for name, points in means.items():
            for contender in contenders(plan, labels):
                ranges = compare(contender.curve(points, measure), against.curve(points, measure))
                won = [_said(each, digits) for each in ranges if each.gain >= 0]
                lost = [_said(each, digits) for each in ranges if each.gain < 0]
                yield _row(name, contender.label, _listed(won, ranges), _listed(lost, ranges))
        yield ""


def _chroma(scale: int) -> str:
    return "4:2:0" if scale == 1 else "4:4:4"


def _cell(
    values: Mapping[tuple[Coding, str], float],
    coding: Coding,
    network: str,
    rivals: Sequence[str],
    digits: int,
) -> str:
    own = values[coding, network]
    differences = ", ".join(f"{own - values[coding, each]:+.{digits}f}" for each in rivals)
    return f"{own:.{digits}f} ({differences})"


def _said(found: Range, digits: int) -> str:
    return (
        f"{found.low:.2f}–{found.high:.2f} bpp "
        f"({found.low_value:.{digits}f} to {found.high_value:.{digits}f}): "
        f"{found.gain:+.{digits}f}"
    )


def _listed(said: Sequence[str], ranges: Sequence[Range]) -> str:
    if not ranges:
        return "no bits in common"
    return "; ".join(said) or "nowhere"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns
