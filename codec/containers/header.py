"""The payload of renditions: the header segments of the upload.

Layout: version (1 byte), method (1 byte: 0 stored, 1 deflated), CRC-32 of the segments (4 bytes,
big-endian), segments. Deflate (RFC 1951) uses the colour profile as a preset dictionary, because
the rendition already carries the same profile in its own box. Without segments, the payload is
empty.
"""

import zlib
from typing import Final

from codec.containers.errors import Malformed, Unsupported

MAX_KEPT: Final = 4 << 20
"""Maximum size of the header segments of an image, bytes."""

_VERSION: Final = 1
_STORED: Final = 0
_DEFLATED: Final = 1
_PREFIX: Final = 6
_WINDOW: Final = 32 << 10  # RFC 1951, section 2: matches reach back 32 KiB
_RAW: Final = -15  # raw stream, full window; a public profile needs no checksum


def check_kept(size: int) -> None:
    """Check the size of header segments.

    Raises:
        Unsupported: larger than ``MAX_KEPT``.
    """
    if size > MAX_KEPT:
        raise Unsupported("too much metadata")


def pack(kept: bytes, icc: bytes | None) -> bytes:
    """Return the payload of header segments.

    Args:
        kept: at most ``MAX_KEPT`` bytes.
        icc: colour profile of the rendition; ``unpack`` needs the same one.

    Raises:
        Unsupported: the segments are too large.
    """
    check_kept(len(kept))
    if not kept:
        return b""
    deflater = zlib.compressobj(9, zlib.DEFLATED, _RAW, 9, zdict=_dictionary(icc))
    deflated = deflater.compress(kept) + deflater.flush()
    method, body = (_DEFLATED, deflated) if len(deflated) < len(kept) else (_STORED, kept)
    return bytes([_VERSION, method]) + zlib.crc32(kept).to_bytes(4, "big") + body


def unpack(blob: bytes, icc: bytes | None, *, max_bytes: int = MAX_KEPT) -> bytes:
    """Return the header segments of a payload.

    Args:
        blob: result of ``pack``.
        icc: colour profile that was passed to ``pack``.
        max_bytes: maximum size; no more is inflated.

    Raises:
        Malformed: the payload is damaged or too long, or the profile differs.
    """
    if not blob:
        return b""
    if len(blob) < _PREFIX or blob[0] != _VERSION or blob[1] not in (_STORED, _DEFLATED):
        raise Malformed("unknown form of kept segments")
    body = blob[_PREFIX:]
    kept = body if blob[1] == _STORED else _inflate(body, icc, max_bytes)
    if len(kept) > max_bytes:
        raise Malformed("more kept segments than allowed")
    if zlib.crc32(kept) != int.from_bytes(blob[2:_PREFIX], "big"):
        raise Malformed("kept segments have another checksum")
    return kept


def _inflate(body: bytes, icc: bytes | None, max_bytes: int) -> bytes:
    inflater = zlib.decompressobj(_RAW, zdict=_dictionary(icc))
    try:
        kept = inflater.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise Malformed("kept segments cannot be inflated") from error
    if len(kept) > max_bytes:
        raise Malformed("more kept segments than allowed")
    if not inflater.eof or inflater.unused_data:
        raise Malformed("kept segments end too early or too late")
    return kept


def _dictionary(icc: bytes | None) -> bytes:
    return (icc or b"")[-_WINDOW:]
