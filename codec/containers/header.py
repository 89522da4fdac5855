"""The payload of renditions: the header segments of the upload.

Layout: version (1 byte), method (1 byte: 0 stored, 1 deflated), CRC-32 of the segments (4 bytes,
big-endian), segments. Deflate (RFC 1951) uses the colour profile as a preset dictionary, because
the rendition already carries the same profile in its own box. Without segments, the payload is
empty.
"""

import zlib
from typing import Final

from codec.containers.errors import Malformed, Unsupported

MAX_METADATA: Final = 4 << 20
"""Maximum size of the header segments of an image, bytes."""

_VERSION: Final = 1
_STORED: Final = 0
_DEFLATED: Final = 1
_PREFIX: Final = 6
_WINDOW: Final = 32 << 10  # RFC 1951, section 2: matches reach back 32 KiB
_RAW: Final = -15  # raw stream, full window; a public profile needs no checksum


def check_metadata_size(size: int) -> None:
    """Check the size of header segments.

    Raises:
        Unsupported: larger than ``MAX_METADATA``.
    """
    if size > MAX_METADATA:
        raise Unsupported("too much metadata")


def pack(metadata: bytes, icc: bytes | None) -> bytes:
    """Return the payload of header segments.

    Args:
        metadata: at most ``MAX_METADATA`` bytes.
        icc: colour profile of the rendition; ``unpack`` needs the same one.

    Raises:
        Unsupported: the segments are too large.
    """
    check_metadata_size(len(metadata))
    if not metadata:
        return b""
    deflater = zlib.compressobj(9, zlib.DEFLATED, _RAW, 9, zdict=_dictionary(icc))
    deflated = deflater.compress(metadata) + deflater.flush()
    method, body = (_DEFLATED, deflated) if len(deflated) < len(metadata) else (_STORED, metadata)
    return bytes([_VERSION, method]) + zlib.crc32(metadata).to_bytes(4, "big") + body


def unpack(payload: bytes, icc: bytes | None, *, max_bytes: int = MAX_METADATA) -> bytes:
    """Return the header segments of a payload.

    Args:
        payload: result of ``pack``.
        icc: colour profile that was passed to ``pack``.
        max_bytes: maximum size; no more is inflated.

    Raises:
        Malformed: the payload is damaged or too long, or the profile differs.
    """
    if not payload:
        return b""
    if len(payload) < _PREFIX or payload[0] != _VERSION or payload[1] not in (_STORED, _DEFLATED):
        raise Malformed("unknown form of kept segments")
    body = payload[_PREFIX:]
    metadata = body if payload[1] == _STORED else _inflate(body, icc, max_bytes)
    if len(metadata) > max_bytes:
        raise Malformed("more kept segments than allowed")
    if zlib.crc32(metadata) != int.from_bytes(payload[2:_PREFIX], "big"):
        raise Malformed("kept segments have another checksum")
    return metadata


def _inflate(body: bytes, icc: bytes | None, max_bytes: int) -> bytes:
    inflater = zlib.decompressobj(_RAW, zdict=_dictionary(icc))
    try:
        metadata = inflater.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise Malformed("kept segments cannot be inflated") from error
    if len(metadata) > max_bytes:
        raise Malformed("more kept segments than allowed")
    if not inflater.eof or inflater.unused_data:
        raise Malformed("kept segments end too early or too late")
    return metadata


def _dictionary(icc: bytes | None) -> bytes:
    return (icc or b"")[-_WINDOW:]
