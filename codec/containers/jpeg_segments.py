"""Iterate over the segments of a JPEG file (ITU-T T.81, annex B).

Time is linear in the file size for any content: every loop advances, every search is one pass of a
pattern without repetition, and the number of segments is bounded.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from slimgate.codec.containers.errors import Unsupported

SOI: Final = 0xD8
EOI: Final = 0xD9
END: Final = bytes([0xFF, EOI])
SOS: Final = 0xDA
DRI: Final = 0xDD
COM: Final = 0xFE
FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
_TABLES: Final = frozenset({0xC4, 0xDB})  # Huffman and quantization tables: left to the decoder
_APPS: Final = frozenset(range(0xE0, 0xF0))
METADATA: Final = _APPS | {COM}
_HANDLED: Final = FRAMES | _TABLES | METADATA | {SOS, DRI}

_REASONS: Final = {
    SOI: "second start of image",
    0xC3: "lossless frame",
    0xC5: "hierarchical frame",
    0xC6: "hierarchical frame",
    0xC7: "hierarchical frame",
    0xC9: "arithmetic coding",
    0xCA: "arithmetic coding",
    0xCB: "arithmetic coding",
    0xCC: "arithmetic coding",
    0xDC: "height defined after the scan",
    0xDE: "hierarchical frame",
    0xDF: "hierarchical frame",
    0xF7: "jpeg-ls frame",
}

_MAX_SEGMENTS: Final = 4096
_MARKER: Final = re.compile(rb"\xff++[^\x00\xff]")  # B.1.1.2: fill bytes may precede a marker
# In entropy-coded data 0xFF00 is a data byte, 0xFFD0 to 0xFFD7 are restarts, 0xFFFF is fill.
_SCAN_END: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_RESTART: Final = re.compile(rb"\xff([\xd0-\xd7])")
_RESTART_CYCLE: Final = bytes(range(0xD0, 0xD8))
_WINDOW: Final = 1 << 20


class Segment(NamedTuple):
    """A marker segment, as positions in the file, without preceding fill bytes.

    ``next`` is the position of the next marker; it differs from ``end`` only for scans.
    """

    marker: int
    start: int
    end: int
    next: int

    def payload(self, data: bytes) -> bytes:
        """Return the bytes after the length field."""
        return data[self.start + 4 : self.end]


def walk(data: bytes) -> Iterator[Segment]:
    """Yield all segments between start and end of the image.

    Raises:
        Unsupported: the structure is damaged, a marker is unsupported, or data precedes the start
            or follows the end of the image.
    """
    for segment in walk_first(data):
        if segment.marker != EOI:
            yield segment
        elif segment.end != len(data):
            raise Unsupported("bytes after the end of the image")


def walk_first(data: bytes) -> Iterator[Segment]:
    """Yield all segments of the first image, its end last, whatever follows.

    Raises:
        Unsupported: the structure is damaged, or a marker is unsupported.
    """
    if not data.startswith(b"\xff\xd8"):
        raise Unsupported("no start of image")
    position = 2
    for _ in range(_MAX_SEGMENTS):
        marker, start = _next_marker(data, position)
        if marker == EOI:
            yield Segment(EOI, start, start + 2, start + 2)
            return
        segment = _segment(data, marker, start)
        yield segment
        position = segment.next
    raise Unsupported("too many segments")


def walk_metadata(metadata: bytes) -> Iterator[Segment]:
    """Yield the segments of concatenated APPn and COM segments, up to an end-of-image marker.

    Raises:
        Unsupported: there is other data.
    """
    position = 0
    for _ in range(_MAX_SEGMENTS):
        if position == len(metadata) or metadata.startswith(END, position):
            return
        marker, start = _next_marker(metadata, position)
        if marker not in METADATA or start != position:
            raise Unsupported("kept segments are damaged")
        segment = _segment(metadata, marker, start)
        yield segment
        position = segment.next
    if position != len(metadata) and not metadata.startswith(END, position):
        raise Unsupported("too many segments")


def check_restarts(data: bytes, scan: Segment, interval: int) -> None:
    """Check that the restart markers of a scan are in order and expected.

    Args:
        data: content of the file.
        scan: a segment of type SOS.
        interval: restart interval in MCUs, 0 for none.

    Raises:
        Unsupported: a marker was lost or added, so decoders would differ.
    """
    if not interval:
        if _RESTART.search(data, scan.end, scan.next):
            raise Unsupported("restart marker without an interval")
        return
    count = 0
    for start in range(scan.end, scan.next, _WINDOW):
        # One byte beyond the window: a marker may start with the window's last byte.
        end = min(start + _WINDOW + 1, scan.next)
        found = b"".join(_RESTART.findall(data, start, end))
        phase = count % 8
        expected = (_RESTART_CYCLE * (len(found) // 8 + 2))[phase : phase + len(found)]
        if found != expected:
            raise Unsupported("restart markers out of order")
        count += len(found)


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    match = _MARKER.match(data, position)
    if match is None:
        raise Unsupported("no marker where one belongs")
    return data[match.end() - 1], match.end() - 2


def _segment(data: bytes, marker: int, start: int) -> Segment:
    if marker not in _HANDLED:
        raise Unsupported(_REASONS.get(marker, f"marker 0xff{marker:02x}"))
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    end = start + 2 + length
    if length < 2 or end > len(data):
        raise Unsupported("segment longer than the file")
    return Segment(marker, start, end, _scan_end(data, end) if marker == SOS else end)


def _scan_end(data: bytes, start: int) -> int:
    match = _SCAN_END.search(data, start)
    if match is None:
        raise Unsupported("scan without an end")
    if match.start() == start:
        raise Unsupported("empty scan")
    return match.start()
