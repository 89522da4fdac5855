"""Find the strips and tiles of TIFF files (TIFF 6.0, sections 3 and 15)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from slimgate.codec.containers import Unsupported, tiff
from slimgate.codec.containers.tiff import Page
from slimgate.codec.recipes.coders import REVERSED
from slimgate.codec.recipes.plan import MAX_SEGMENTS, Family, Layout, Plan, Segment, rows
from slimgate.codec.recipes.rebuild import MAX_CHANNELS
from slimgate.codec.recipes.rebuilt import is_plausible

_FAMILIES: Final[Mapping[int, Family]] = MappingProxyType(
    {
        1: "none",
        **dict.fromkeys((2, 3, 4), "fax"),
        5: "lzw",
        8: "deflate",
        32773: "packbits",
        32946: "deflate",
    }
)
_BITS: Final = frozenset({1, 2, 4, 8, 16})
_OTHERS: Final[Mapping[int, str]] = MappingProxyType(
    {
        6: "JPEG data of the old style",
        7: "JPEG data of an unusual kind",
        34712: "JPEG 2000 data",
        34887: "LERC data",
        34925: "LZMA data",
        50000: "Zstandard data",
        50001: "WebP data",
        50002: "JPEG XL data",
    }
)
"""Compressions that are not taken apart, or not here, as people call them."""

_PALETTE: Final = 3
_YCBCR: Final = 6
_PLANES: Final = 2
_MIRRORED: Final = 2
_DIFFERENCE: Final = 2


def plans(data: bytes) -> Iterator[Plan]:
    """Return the pictures of a file; those of unknown layout are left out.

    Raises:
        Unsupported: the file is damaged, or has too many strips and tiles.
    """
    file = tiff.parse(data)
    largest, left = file.size[0] * file.size[1], MAX_SEGMENTS
    for page in file.pages:
        found = _plan(page, big=file.order == ">", most=largest, left=left)
        if found is not None:
            left -= len(found.segments)
            yield found


def unusual(data: bytes) -> str:
    """Return what keeps the largest picture of a file from being taken apart, for people.

    Returns:
        Empty if its layout is known; the coder that wrote it may still be unknown.
    """
    try:
        file = tiff.parse(data)
    except Unsupported as error:
        return str(error)
    page = max(file.pages, key=lambda each: each.size[0] * each.size[1])
    if _layout(page, big=file.order == ">") is not None:
        return ""
    compression, bits = page.number(259, 1), _bits(page)
    if compression not in _FAMILIES:
        return _OTHERS.get(compression, f"compression {compression}")
    if not bits:
        return "samples of different bits"
    if bits not in _BITS:
        return f"samples of {bits} bits"
    return "subsampled colours" if page.number(262, 1) == _YCBCR else "an unusual layout"


def _plan(page: Page, *, big: bool, most: int, left: int) -> Plan | None:
    layout, channels = _layout(page, big=big), page.number(277, 1)
    if layout is None or not 0 < channels <= MAX_CHANNELS:
        return None
    width, height = page.size
    bits = _bits(page)
    columns, in_row = (-(-width * channels * bits // 8), 1) if bits < 8 else (width, channels)
    planar = page.number(284, 1) == _PLANES and channels > 1
    if planar and bits < 8:
        return None
    found = _Grid(page, columns, height, layout, bits)
    if not (found.is_sound and is_plausible(found.width * found.height, most)):
        return None
    segments = tuple(found.segments(channels if planar else 1, in_row, left))
    if not segments:
        return None
    is_image = bits >= 8 and page.number(262, 1) != _PALETTE
    return Plan(found.width, found.height, in_row, layout, segments, is_image=is_image)


def _bits(page: Page) -> int:
    """Return the bits per sample, if all channels have as many; else 0."""
    found = {int(bits) for bits in page.tags.get(258, ())} or {1}
    return found.pop() if len(found) == 1 else 0


def _layout(page: Page, *, big: bool) -> Layout | None:
    """Return the layout of a page; None if it is unknown."""
    family, bits = _FAMILIES.get(page.number(259, 1)), _bits(page)
    if family is None or bits not in _BITS or page.number(262, 1) == _YCBCR:
        return None
    if family == "fax":
        return _fax(page) if bits == 1 else None
    difference = page.number(317, 1) if family in ("lzw", "deflate") else 1
    mirrored = page.number(266, 1) == _MIRRORED and family != "none"
    if mirrored or difference > _DIFFERENCE or (difference == _DIFFERENCE and bits < 8):
        return None
    sample = 2 if bits == 16 else 1
    return Layout(sample=sample, big=big, difference=difference == _DIFFERENCE, family=family)


def _fax(page: Page) -> Layout | None:
    """Return the layout of fax data without options (sections 10 and 11)."""
    if page.number(292, 0) or page.number(293, 0):
        return None
    mirrored = REVERSED if page.number(266, 1) == _MIRRORED else 0
    width = page.number(322, page.size[0])
    return Layout(family="fax", variant=page.number(259, 1) | mirrored, width=width)


class _Grid:
    """The strips or tiles of a page."""

    def __init__(self, page: Page, columns: int, height: int, layout: Layout, bits: int) -> None:
        self._layout = layout
        self._rows = height
        self._tiled = 322 in page.tags
        if self._tiled:
            wide, high = page.number(322, 0), page.number(323, 0)
            across = columns if bits >= 8 else page.size[0]
            self._wide = wide if bits >= 8 else wide * bits * page.number(277, 1) // 8
            self._high = high
            self._across = -(-across // max(1, wide))
            self._down = -(-height // max(1, high))
            self.width, self.height = self._across * self._wide, self._down * high
            tags = (324, 325)
        else:
            self._wide, self._across = columns, 1
            self._high = min(height, page.number(278, height) or height)
            self._down = -(-height // max(1, self._high))
            self.width, self.height = columns, height
            tags = (273, 279)
        self._offsets = page.tags.get(tags[0])
        self._counts = page.tags.get(tags[1])

    @property
    def is_sound(self) -> bool:
        """Return whether width, height, strips and tiles exist."""
        return bool(
            self.width
            and self.height
            and self._offsets is not None
            and self._counts is not None
            and len(self._offsets) == len(self._counts)
        )

    def segments(self, planes: int, channels: int, left: int) -> Iterator[Segment]:
        """Yield all strips or tiles; none if they are not as many as the page needs."""
        each = self._across * self._down
        if self._offsets is None or self._counts is None or not 0 < each * planes <= left:
            return
        if len(self._offsets) != each * planes:
            return
        for index in range(each * planes):
            plane, place = divmod(index, each)
            down, across = divmod(place, self._across)
            top = down * self._high
            high = self._high if self._tiled else min(self._high, self._rows - top)
            offset, length = int(self._offsets[index]), int(self._counts[index])
            channel = plane if planes > 1 else -1
            segment = Segment(offset, length, top, across * self._wide, high, self._wide, channel)
            yield from self._pieces(segment, channels if planes == 1 else 1)

    def _pieces(self, segment: Segment, channels: int) -> Iterator[Segment]:
        """Cut an uncompressed strip into rows, so that it may be in two bands."""
        row = segment.width * channels * self._layout.sample
        if self._layout.family != "none" or segment.length != row * segment.height:
            yield segment
            return
        for piece in rows(segment.offset, row, segment.width, segment.height, bottom_up=False):
            yield piece._replace(
                top=segment.top + piece.top, left=segment.left, channel=segment.channel
            )
