"""Carry a payload in a JPEG file, in APP10 segments that viewers skip.

Each segment has an identifier, its number from 1, the total number, and a piece, like embedded ICC
profiles (ICC.1:2022, B.4).
"""

from typing import Final

from slimgate.codec.containers.errors import Malformed
from slimgate.codec.containers.jpeg_segments import METADATA, walk

_MARKER: Final = 0xEA  # APP10, unused by standards
_IDENTIFIER: Final = b"slimgate\0"
_PIECE: Final = 0xFFFF - 2 - len(_IDENTIFIER) - 2
_MOST: Final = 0xFF * _PIECE


def attach(jpeg: bytes, payload: bytes) -> bytes:
    """Add segments with a payload to a JPEG file, after its other metadata.

    Args:
        jpeg: a complete file, without such segments.
        payload: 1 to 255 times 65,522 bytes.

    Raises:
        Unsupported: the file is damaged.
        Malformed: the file already has a payload, or the payload is too long.
    """
    if _pieces(jpeg):
        raise Malformed("a payload is attached already")
    if len(payload) > _MOST:
        raise Malformed("payload too long")
    at = next(segment.start for segment in walk(jpeg) if segment.marker not in METADATA)
    starts = range(0, len(payload), _PIECE)
    segments = [
        _segment(bytes([number, len(starts)]) + payload[start : start + _PIECE])
        for number, start in enumerate(starts, 1)
    ]
    return b"".join([jpeg[:at], *segments, jpeg[at:]])


def extract(data: bytes) -> bytes | None:
    """Return the payload of a file, or None.

    Raises:
        Unsupported: the file is damaged.
        Malformed: a piece is missing.
    """
    pieces = _pieces(data)
    if not pieces:
        return None
    expected = [bytes([number, len(pieces) & 0xFF]) for number in range(1, len(pieces) + 1)]
    if len(pieces) > 0xFF or [piece[:2] for piece in pieces] != expected:
        raise Malformed("pieces of the payload are missing")
    return b"".join(piece[2:] for piece in pieces)


def _pieces(data: bytes) -> list[bytes]:
    payloads = [s.payload(data) for s in walk(data) if s.marker == _MARKER]
    return [p[len(_IDENTIFIER) :] for p in payloads if p.startswith(_IDENTIFIER)]


def _segment(body: bytes) -> bytes:
    length = 2 + len(_IDENTIFIER) + len(body)
    return bytes([0xFF, _MARKER]) + length.to_bytes(2, "big") + _IDENTIFIER + body
