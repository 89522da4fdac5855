"""Bytes by class and tier, for the page: two stacked bars for each class, and a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from slimgate.eval.compare.rows import PLAIN, Row

MAX_BARS: Final = 24
"""Maximum number of classes with bars, those with the most bytes first."""

TIERS: Final = ("exact", "lossless", "recode", "downscale", PLAIN)
"""Tiers from left to right: the exact ones first, untouched uploads last."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a bar.

    Attributes:
        tier: tier of its images.
        start: left edge, % of the width.
        width: width, % of the width.
        size: bytes.
    """

    tier: str
    start: float
    width: float
    size: int


@dataclass(frozen=True, slots=True)
class TierBytes:
    """Images of a tier: their number, bytes uploaded, and bytes stored."""

    tier: str
    images: int
    uploaded: int
    stored: int


@dataclass(frozen=True, slots=True)
class ClassBytes:
    """Bytes of a class.

    Attributes:
        kind: class; None: all images.
        uploaded: bytes uploaded.
        stored: bytes stored.
        tiers: the same by tier; tiers without images are missing.
        before: bar of uploaded bytes.
        after: bar of stored bytes.
    """

    kind: str | None
    uploaded: int
    stored: int
    tiers: Sequence[TierBytes]
    before: Sequence[Segment]
    after: Sequence[Segment]


@dataclass(frozen=True, slots=True)
class BytesView:
    """Bars of the page.

    Attributes:
        groups: all images, then classes, those with the most bytes first.
        tiers: tiers in use, in the order of the legend.
        more: number of classes omitted.
    """

    groups: Sequence[ClassBytes]
    tiers: Sequence[str]
    more: int


def view(rows: Sequence[Row]) -> BytesView | None:
    """Return the bytes of a policy by class and tier.

    Args:
        rows: measured rows of the policy.

    Returns:
        The bars, of all images to a scale of their own, and of classes to one scale; None without
        bytes.
    """
    if not any(row.uploaded for row in rows):
        return None
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    ordered = sorted(kinds, key=lambda kind: (-_uploaded(kinds[kind]), kind))
    if len(ordered) == 1:
        ordered = []
    largest = max((_length(kinds[kind]) for kind in ordered), default=0)
    groups = [_class(None, rows, _length(rows))]
    groups += [_class(kind, kinds[kind], largest) for kind in ordered[:MAX_BARS]]
    used = [each.tier for each in groups[0].tiers]
    return BytesView(groups, used, len(ordered[MAX_BARS:]))


def _uploaded(rows: Sequence[Row]) -> int:
    return sum(row.uploaded for row in rows)


def _length(rows: Sequence[Row]) -> int:
    """Return the bytes of the longer bar."""
    return max(_uploaded(rows), sum(row.stored for row in rows))


def _class(kind: str | None, rows: Sequence[Row], scale: int) -> ClassBytes:
    tiers = list(_tiers(rows))
    return ClassBytes(
        kind,
        _uploaded(rows),
        sum(row.stored for row in rows),
        tiers,
        list(_bar([(each.tier, each.uploaded) for each in tiers], scale)),
        list(_bar([(each.tier, each.stored) for each in tiers], scale)),
    )


def _tiers(rows: Sequence[Row]) -> Iterator[TierBytes]:
    for tier in TIERS:
        own = [row for row in rows if row.tier == tier]
        if own:
            yield TierBytes(tier, len(own), _uploaded(own), sum(row.stored for row in own))


def _bar(sizes: Sequence[tuple[str, int]], scale: int) -> Iterator[Segment]:
    """Yield the segments of a bar, each right of the one before."""
    start = 0
    for tier, size in sizes:
        yield Segment(tier, 100 * start / scale, 100 * size / scale, size)
        start += size
