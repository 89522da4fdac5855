"""Find the strips and tiles of TIFF files that are JPEG data (TIFF Technical Note 2).

A strip is coded like what lies between two restart markers of a JPEG file (ITU-T T.81, E.1.4): the
prediction begins anew. So all strips of one form, joined with such markers between them, are one
JPEG file, which JPEG XL stores as it does any other.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from slimgate.codec.containers import Unsupported, tiff
from slimgate.codec.containers.jpeg_segments import DRI, END, METADATA, SOS, walk_first
from slimgate.codec.containers.tiff import Page
from slimgate.codec.recipes.plan import MAX_SEGMENTS

_JPEG: Final = 7  # Compression
_TABLES: Final = 347  # JPEGTables
_TABLE_MARKERS: Final = frozenset({0xC4, 0xDB})
_FRAMES: Final = frozenset({0xC0, 0xC1})  # baseline and extended sequential
_START: Final = b"\xff\xd8"
_RESTARTS: Final = bytes([0xFF, DRI, 0, 4])
_MAX_SIDE: Final = 65_535  # B.2.2, and of restart intervals
_MAX_TABLES: Final = 1 << 16  # bytes
_BLOCK: Final = 8  # pixels


class Strip(NamedTuple):
    """Coded data of a strip or tile: position and length in the file, bytes."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        """Return the position after its last byte."""
        return self.offset + self.length


class Frame(NamedTuple):
    """Size of a strip, and of its units (ITU-T T.81, A.2.4), pixels."""

    width: int
    height: int
    across: int
    down: int

    @property
    def units(self) -> int:
        """Return the units of a strip."""
        return -(-self.width // self.across) * -(-self.height // self.down)


class _Form(NamedTuple):
    """What strips have in common: tables, frame header without height, scan header."""

    tables: tuple[bytes, ...]
    frame: bytes
    scan: bytes


@dataclass(slots=True)
class Joined:
    """Strips of one form, as a JPEG file.

    Attributes:
        strips: strips in the order of the file.
        width: width, pixels.
        height: height of all strips, pixels.
    """

    form: _Form
    frame: Frame
    strips: list[Strip] = field(default_factory=list)
    height: int = 0

    @property
    def width(self) -> int:
        """Return the width of each strip, pixels."""
        return self.frame.width

    @property
    def area(self) -> int:
        """Return the pixels of all strips."""
        return self.width * self.height

    def takes(self, frame: Frame) -> bool:
        """Return whether one more strip may follow: only the last one may be lower."""
        first = self.frame.height
        is_whole = self.height == len(self.strips) * first and not first % self.frame.down
        is_low = frame.height <= first and self.height + frame.height <= _MAX_SIDE
        return is_whole and is_low and self.frame.units <= _MAX_SIDE

    def header(self) -> bytes:
        """Return everything before the coded data of the first strip."""
        tables, frame, scan = self.form
        height = self.height.to_bytes(2, "big")
        parts = [_START, *tables, frame[:5], height, frame[5:]]
        if len(self.strips) > 1:
            parts += [_RESTARTS, self.frame.units.to_bytes(2, "big")]
        return b"".join([*parts, scan])

    def file(self, data: bytes) -> bytes:
        """Return the JPEG file.

        Args:
            data: content of the TIFF file.
        """
        parts = [self.header()]
        for index, strip in enumerate(self.strips):
            parts += [data[strip.offset : strip.end], bytes([0xFF, 0xD0 + index % 8])]
        return b"".join([*parts[:-1], END])


def find(data: bytes) -> list[Joined]:
    """Return the JPEG files that the strips and tiles of a TIFF file give.

    Strips of progressive, arithmetic or other unusual coding are left out, and so are those that
    overlap others.

    Raises:
        Unsupported: the file is damaged, or has too many strips.
    """
    places = dict[Strip, bytes]()
    for page in tiff.parse(data).pages:
        if page.number(259, 1) == _JPEG:
            tables = bytes(page.tags[_TABLES].astype("u1")) if _TABLES in page.tags else b""
            places.update(dict.fromkeys(_places(page), tables))
            if len(places) > MAX_SEGMENTS:
                raise Unsupported("too many strips")
    return list(_joined(data, _apart(places, len(data)), places))


def _places(page: Page) -> Iterator[Strip]:
    tags = (324, 325) if 322 in page.tags else (273, 279)
    offsets, counts = (page.tags.get(tag) for tag in tags)
    if offsets is not None and counts is not None:
        for offset, count in zip(offsets.tolist(), counts.tolist(), strict=False):
            yield Strip(offset, count)


def _apart(places: Iterable[Strip], size: int) -> Iterator[Strip]:
    position = 0
    for each in sorted(places):
        if position <= each.offset and each.end <= size:
            position = each.end
            yield each


def _joined(data: bytes, places: Iterable[Strip], tables: dict[Strip, bytes]) -> Iterator[Joined]:
    known = dict[bytes, tuple[bytes, ...]]()
    open_ = dict[_Form, Joined]()
    for place in places:
        try:
            if tables[place] not in known:
                known[tables[place]] = _tables(tables[place])
            form, frame, strip = _parsed(data[place.offset : place.end], known[tables[place]])
        except Unsupported:
            continue
        found = open_.get(form)
        if found is None or not found.takes(frame):
            if found is not None:
                yield found
            found = open_[form] = Joined(form, frame)
        found.strips.append(Strip(place.offset + strip.offset, strip.length))
        found.height += frame.height
    yield from open_.values()


def _tables(data: bytes) -> tuple[bytes, ...]:
    if not data or len(data) > _MAX_TABLES:
        return ()
    segments = walk_first(data)
    return tuple(data[s.start : s.end] for s in segments if s.marker in _TABLE_MARKERS)


def _parsed(data: bytes, shared: tuple[bytes, ...]) -> tuple[_Form, Frame, Strip]:
    """Take a strip apart.

    Raises:
        Unsupported: not one sequential scan, up to the end of the strip.
    """
    tables, frame, scan, header, strip = dict.fromkeys(shared), b"", b"", None, None
    for segment in walk_first(data):
        part = data[segment.start : segment.end]
        if segment.marker in _TABLE_MARKERS:
            tables[part] = None  # many writers repeat those of the page
        elif segment.marker in _FRAMES:
            header = _frame(segment.payload(data))
            frame = part
        elif segment.marker == SOS and strip is None:
            scan, strip = part, Strip(segment.end, segment.next - segment.end)
        elif segment.marker not in METADATA and part != END:
            raise Unsupported("more than one scan, or a restart interval")
    if header is None or strip is None or strip.end + len(END) != len(data):
        raise Unsupported("no sequential scan")
    return _Form(tuple(tables), frame[:5] + frame[7:], scan), header, strip


def _frame(payload: bytes) -> Frame:
    """Parse a frame header (B.2.2).

    Raises:
        Unsupported: damaged, or of neither one nor three components.
    """
    if len(payload) < 6 or payload[5] not in (1, 3) or len(payload) != 6 + 3 * payload[5]:
        raise Unsupported("frame header of wrong length")
    height, width = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
    factors = payload[7::3]
    across, down = max(each >> 4 for each in factors), max(each & 15 for each in factors)
    if not (width and height and across and down):
        raise Unsupported("width, height or sampling factor of 0")
    if len(factors) == 1:
        across = down = 1  # the only component is not interleaved
    return Frame(width, height, _BLOCK * across, _BLOCK * down)
