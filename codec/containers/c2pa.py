"""Recognize content credentials (C2PA 2.2, A.3): their signature covers every byte of the file."""

import re
from typing import Final

from slimgate.codec.containers import png_chunks

_PNG_CHUNK: Final = b"caBX"
_WEBP_CHUNK: Final = b"C2PA"
_APP11: Final = 0xEB
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length (T.81, B.1.1.3)
_LAST: Final = frozenset({0xD9, 0xDA})
_MARKER: Final = re.compile(rb"\xff++[^\x00\xff]")
_MAX_SEGMENTS: Final = 4096
_MAX_CHUNKS: Final = 4096

# ISO/IEC 19566-5: identifier, instance and number of a segment (D.2), the head of a box, with or
# without a long length, and its description: a type and flags before the label (5.3).
_SUPERBOX: Final = re.compile(rb"JP.{6}(?:\0\0\0\x01jumb.{8}|.{4}jumb)", re.DOTALL)
_CREDENTIALS: Final = re.compile(rb".{4}jumd.{17}c2pa\0", re.DOTALL)


def is_superbox(payload: bytes) -> bool:
    """Return whether the payload of an APP11 segment is a JUMBF box, or a part of one."""
    return _SUPERBOX.match(payload) is not None


def is_signed(data: bytes) -> bool:
    """Return whether a JPEG, PNG or WebP file has content credentials.

    Args:
        data: whole file, untrusted; damage is ignored.
    """
    if data.startswith(png_chunks.SIGNATURE):
        chunks = png_chunks.walk_any(data, len(png_chunks.SIGNATURE))
        return any(chunk.type == _PNG_CHUNK for chunk in chunks)
    if data.startswith(b"RIFF"):
        return _in_webp(data)
    return data.startswith(b"\xff\xd8") and _in_jpeg(data)


def _in_webp(data: bytes) -> bool:
    position = 12
    for _ in range(_MAX_CHUNKS):
        if data[position : position + 4] in (_WEBP_CHUNK, b""):
            break
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + length + length % 2
    return data[position : position + 4] == _WEBP_CHUNK


def _in_jpeg(data: bytes) -> bool:
    position = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.match(data, position)
        if found is None or data[found.end() - 1] in _LAST:
            break
        marker, position = data[found.end() - 1], found.end()
        if marker in _ALONE:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        if marker == _APP11 and _has_label(data[position + 2 : position + length]):
            return True
        position += max(2, length)
    return False


def _has_label(payload: bytes) -> bool:
    head = _SUPERBOX.match(payload)
    return head is not None and _CREDENTIALS.match(payload, head.end()) is not None
