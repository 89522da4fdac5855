"""Where a file keeps its pixels, and how they are laid out there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

Family = Literal["none", "deflate", "lzw", "packbits", "fax", "gif"]
"""How a segment is compressed."""

MAX_SEGMENTS: Final = 1 << 16
"""Maximum segments of a file; those with more are compressed whole."""

INTERLACED: Final = 16
"""Added to the variant of GIF data whose rows are in four passes (GIF89a, appendix E)."""

_BAND: Final = 32_000_000
"""Pixels from which a picture is cut into bands, so that encoders need memory only for one."""

_PIECE: Final = 1 << 22
"""Pixels of a segment of uncompressed rows, which may be cut anywhere."""


class Layout(NamedTuple):
    """How pixels become bytes.

    Attributes:
        sample: bytes per sample, 1 or 2.
        big: 16-bit samples are big-endian.
        reverse: channels are in reverse order, as BGR.
        align: rows are padded with zeros to a multiple of this many bytes.
        bottom_up: the last row comes first.
        difference: samples are differences to the left neighbour (TIFF 6.0, section 14).
        family: compression.
        variant: variant of fax data; code size of GIF.
        width: width of fax data, pixels; of GIF, when the table is cleared and the size of blocks.
    """

    sample: int = 1
    big: bool = False
    reverse: bool = False
    align: int = 1
    bottom_up: bool = False
    difference: bool = False
    family: Family = "none"
    variant: int = 0
    width: int = 0


class Segment(NamedTuple):
    """A strip, a tile, or some rows.

    Attributes:
        offset: position in the file, bytes.
        length: length in the file, bytes.
        top: first row in the picture.
        left: first column.
        height: rows.
        width: columns.
        channel: the only channel; -1: all.
    """

    offset: int
    length: int
    top: int
    left: int
    height: int
    width: int
    channel: int = -1

    @property
    def end(self) -> int:
        """Return the position after its last byte."""
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class Plan:
    """One picture of a file.

    Attributes:
        width: width, samples.
        height: height, samples.
        channels: channels.
        layout: layout of all segments.
        segments: segments.
        is_image: neighbours resemble each other; False: bits or indices, packed or not.
    """

    width: int
    height: int
    channels: int
    layout: Layout
    segments: tuple[Segment, ...]
    is_image: bool = True

    @property
    def samples(self) -> int:
        """Return the number of samples."""
        return self.width * self.height * self.channels


def rows(offset: int, row: int, width: int, height: int, *, bottom_up: bool) -> Iterator[Segment]:
    """Cut uncompressed rows into segments.

    Args:
        offset: position of the first row in the file, bytes.
        row: bytes per row.
        width: width of the picture, pixels.
        height: its height, pixels.
        bottom_up: the last row comes first.
    """
    step = max(1, _PIECE // max(1, width))
    for first in range(0, height, step):
        count = min(step, height - first)
        top = height - first - count if bottom_up else first
        yield Segment(offset + first * row, count * row, top, 0, count, width)


def banded(plan: Plan) -> Iterator[Plan]:
    """Cut a large picture between segments into bands of moderate size."""
    if plan.width * plan.height <= _BAND:
        yield plan
        return
    ordered = sorted(plan.segments, key=lambda segment: segment.top)
    band: list[Segment] = []
    bottom = 0
    for segment in ordered:
        large = band and (segment.top + segment.height - band[0].top) * plan.width > _BAND
        if large and segment.top >= bottom:
            yield _band(plan, band)
            band, bottom = [], 0
        band.append(segment)
        bottom = max(bottom, segment.top + segment.height)
    yield _band(plan, band)


def _band(plan: Plan, band: Sequence[Segment]) -> Plan:
    top = min(segment.top for segment in band)
    height = max(segment.top + segment.height for segment in band) - top
    moved = tuple(segment._replace(top=segment.top - top) for segment in band)
    return replace(plan, height=height, segments=moved)
