"""Read the size of any JPEG file, even of those that slimgate does not parse."""

import re
from typing import Final, NamedTuple

from slimgate.codec.containers.errors import Unsupported

_MAX_SEGMENTS: Final = 4096
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length (T.81, B.1.1.3)
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # T.81, table B.1
_SOS: Final = 0xDA
_MARKER: Final = re.compile(rb"\xff++[^\x00\xff]")  # B.1.1.2: fill bytes may precede a marker


class Size(NamedTuple):
    """Width and height from the frame header, pixels."""

    width: int
    height: int


def read(data: bytes) -> Size:
    """Parse the first frame header; later data is ignored.

    Raises:
        Unsupported: there is none before the first scan.
    """
    if not data.startswith(b"\xff\xd8"):
        raise Unsupported("no start of image")
    position = 2
    for _ in range(_MAX_SEGMENTS):
        marker, position = _marker(data, position)
        if marker in _FRAMES:
            return _size(data[position + 3 : position + 7])
        if marker not in _ALONE:
            length = int.from_bytes(data[position : position + 2], "big")
            if marker == _SOS or length < 2:
                break
            position += length
    raise Unsupported("no frame header")


def _marker(data: bytes, position: int) -> tuple[int, int]:
    """Return the next marker and the position of its segment's length, after fill bytes."""
    match = _MARKER.match(data, position)
    if match is None:
        raise Unsupported("no marker where one belongs")
    return data[match.end() - 1], match.end()


def _size(sides: bytes) -> Size:
    height, width = int.from_bytes(sides[:2], "big"), int.from_bytes(sides[2:], "big")
    if len(sides) < 4 or not (width and height):
        raise Unsupported("width or height of 0")
    return Size(width, height)
