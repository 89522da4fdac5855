"""The payload of renditions: the header segments of the upload, and what follows its image.

Layout: version (1 byte), method (1 byte: 0 stored, 1 deflated, 2 LZMA2), CRC-32 of the segments
(4 bytes, big-endian), segments. Deflate (RFC 1951) uses the colour profile as a preset dictionary,
because the rendition already carries the same profile in its own box. LZMA2 is for trailers, in
which cameras leave memory that repeats over long distances: 7 % smaller than Deflate, 4 % smaller
than Zstandard on those of eight cameras. Without segments, the payload is empty. Method 3, JPEG
pictures as JPEG XL, is that of :mod:`slimgate.codec.restore.payload`.
"""

import lzma
import zlib
from collections.abc import Iterator
from typing import Final

from slimgate.codec.containers.errors import Malformed, Unsupported

MAX_METADATA: Final = 4 << 20
"""Maximum size of the header segments of an image, bytes."""

MAX_TAIL: Final = 64 << 20
"""Maximum size of what follows an image in its file, bytes."""

MAX_KEPT: Final = MAX_METADATA + MAX_TAIL
"""Maximum size of a payload, inflated, bytes."""

_VERSION: Final = 1
_STORED: Final = 0
_DEFLATED: Final = 1
_LZMA: Final = 2
_PREFIX: Final = 6
_WINDOW: Final = 32 << 10  # RFC 1951, section 2: matches reach back 32 KiB
_RAW: Final = -15  # raw stream, full window; a public profile needs no checksum
_DICTIONARY: Final = 8 << 20  # of LZMA2, bytes: never change what readers reserve
_LONG: Final = 4 << 10  # bytes from which LZMA2 may be smaller
_COMPRESSIBLE: Final = 0.95  # what Deflate leaves of data that LZMA2, ten times as slow, is for


def check_metadata_size(size: int) -> None:
    """Check the size of header segments.

    Raises:
        Unsupported: larger than ``MAX_METADATA``.
    """
    if size > MAX_METADATA:
        raise Unsupported("too much metadata")


def check_tail_size(size: int) -> None:
    """Check the size of what follows an image in its file.

    Raises:
        Unsupported: larger than ``MAX_TAIL``.
    """
    if size > MAX_TAIL:
        raise Unsupported("too many bytes after the end of the image")


def pack(metadata: bytes, icc: bytes | None) -> bytes:
    """Return the payload of header segments.

    Args:
        metadata: at most ``MAX_KEPT`` bytes.
        icc: colour profile of the rendition; ``unpack`` needs the same one.

    Raises:
        Unsupported: the segments are too large.
    """
    if len(metadata) > MAX_KEPT:
        raise Unsupported("too much metadata")
    if not metadata:
        return b""
    method, body = min(_compressed(metadata, icc), key=lambda way: len(way[1]))
    return bytes([_VERSION, method]) + zlib.crc32(metadata).to_bytes(4, "big") + body


def _compressed(metadata: bytes, icc: bytes | None) -> Iterator[tuple[int, bytes]]:
    yield _STORED, metadata
    deflater = zlib.compressobj(9, zlib.DEFLATED, _RAW, 9, zdict=_dictionary(icc))
    deflated = deflater.compress(metadata) + deflater.flush()
    yield _DEFLATED, deflated
    if len(metadata) >= _LONG and len(deflated) < _COMPRESSIBLE * len(metadata):
        size = min(_DICTIONARY, len(metadata))
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": size}]
        yield _LZMA, lzma.compress(metadata, lzma.FORMAT_RAW, filters=filters)


def unpack(payload: bytes, icc: bytes | None, *, max_bytes: int = MAX_KEPT) -> bytes:
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
    if len(payload) < _PREFIX or payload[0] != _VERSION or payload[1] > _LZMA:
        raise Malformed("unknown form of kept segments")
    body = payload[_PREFIX:]
    metadata = _decompressed(payload[1], body, icc, max_bytes)
    if len(metadata) > max_bytes:
        raise Malformed("more kept segments than allowed")
    if zlib.crc32(metadata) != int.from_bytes(payload[2:_PREFIX], "big"):
        raise Malformed("kept segments have another checksum")
    return metadata


def _decompressed(method: int, body: bytes, icc: bytes | None, max_bytes: int) -> bytes:
    """Decompress the body, no more than one byte beyond the maximum."""
    if method == _STORED:
        return body
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": _DICTIONARY}]
    inflater = (
        lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
        if method == _LZMA
        else zlib.decompressobj(_RAW, zdict=_dictionary(icc))
    )
    try:
        metadata = inflater.decompress(body, max_bytes + 1)
    except (zlib.error, lzma.LZMAError) as error:
        raise Malformed("kept segments cannot be inflated") from error
    if len(metadata) > max_bytes:
        raise Malformed("more kept segments than allowed")
    if not inflater.eof or inflater.unused_data:
        raise Malformed("kept segments end too early or too late")
    return metadata


def _dictionary(icc: bytes | None) -> bytes:
    return (icc or b"")[-_WINDOW:]
