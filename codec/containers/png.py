"""Parse PNG files, and assemble them with a given size (PNG, third edition).

Padding is one private chunk before IEND, so gaps of 1 to 11 bytes cannot be filled.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from slimgate.codec.containers.errors import DoesNotFit, Unsupported
from slimgate.codec.containers.header import check_metadata_size, check_tail_size
from slimgate.codec.containers.png_chunks import (
    DROPPED,
    PADDING,
    SIGNATURE,
    Chunk,
    check_ancillary,
    check_unique,
    make,
    walk,
)

_CHANNELS: Final = {0: 1, 2: 3, 6: 4}  # table 9: gray, RGB, RGBA
_EMPTY_CHUNK: Final = 12
_MAX_SIDE: Final = (1 << 31) - 1
_MAX_ICC: Final = 4 << 20
_TAILED: Final = 1 << 31
_LENGTHS: Final = struct.Struct(">II")


@dataclass(frozen=True, slots=True)
class Png:
    """The parsed properties of a PNG file.

    Attributes:
        width: width, pixels.
        height: height, pixels.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA).
        deep: samples have 16 bits, not 8.
        before: ancillary chunks before the image data, verbatim, without unsafe-to-copy ones.
        after: ancillary chunks after the image data, verbatim, without slimgate's padding.
        tail: bytes behind the end of the image.
        icc: colour profile.
    """

    width: int
    height: int
    channels: int
    deep: bool
    before: bytes
    after: bytes
    tail: bytes
    icc: bytes | None

    @property
    def metadata(self) -> bytes:
        """Return both groups of chunks, preceded by the length of the first, and the tail.

        A tail is marked by the first bit, and the length of the second group follows that of the
        first.
        """
        if self.tail:
            lengths = _LENGTHS.pack(_TAILED | len(self.before), len(self.after))
            return lengths + self.before + self.after + self.tail
        if not (self.before or self.after):
            return b""
        return len(self.before).to_bytes(4, "big") + self.before + self.after


def parse(data: bytes) -> Png:
    """Parse a PNG file up to its last byte, without decoding pixels.

    Raises:
        Unsupported: the file is damaged, or has an unsupported feature.
    """
    if not data.startswith(SIGNATURE):
        raise Unsupported("no png signature")
    chunks = _up_to_end(data)
    tail = data[chunks[-1].end :] if chunks else b""
    check_tail_size(len(tail))
    width, height, channels, depth = _header(data, chunks)
    early, late = _around_data(chunks)
    check_ancillary(early, before_data=True)
    check_ancillary(late, before_data=False)
    check_unique([*early, *late])
    before, after = _verbatim(data, early), _verbatim(data, _without_padding(data, late))
    check_metadata_size(4 + len(before) + len(after))
    profile = next((chunk for chunk in early if chunk.type == b"iCCP"), None)
    icc = None if profile is None else _inflate_profile(profile.payload(data))
    return Png(width, height, channels, depth == 16, before, after, tail, icc)


def assemble(encoded: bytes, metadata: bytes, size: int) -> bytes:
    """Return a new PNG file with the ancillary chunks, the tail and the size of the upload.

    Args:
        encoded: a complete PNG file; its own ancillary chunks are dropped.
        metadata: chunks and tail from :attr:`Png.metadata`.
        size: required size, bytes.

    Raises:
        DoesNotFit: the file is too long, or 1 to 11 bytes too short.
        Unsupported: ``encoded`` or ``metadata`` is damaged.
    """
    if not encoded.startswith(SIGNATURE):
        raise Unsupported("no png signature")
    before, after, tail = _split(metadata)
    chunks = list(walk(encoded, len(SIGNATURE)))
    _header(encoded, chunks)
    _around_data(chunks)
    data = b"".join(encoded[c.start : c.end] for c in chunks if c.type == b"IDAT")
    start, end = encoded[: chunks[0].end], encoded[chunks[-1].start :]
    gap = size - sum(map(len, (start, before, data, after, end, tail)))
    if gap < 0:
        raise DoesNotFit(f"{-gap} bytes too long")
    if 0 < gap < _EMPTY_CHUNK:
        raise DoesNotFit(f"a gap of {gap} bytes cannot be padded")
    padding = make(PADDING, bytes(gap - _EMPTY_CHUNK)) if gap else b""
    return b"".join([start, before, data, after, padding, end, tail])


def image_data(data: bytes) -> list[bytes]:
    """Return the image data of a parsed file: the content of each IDAT."""
    return [chunk.payload(data) for chunk in _up_to_end(data) if chunk.type == b"IDAT"]


def make_file(size: tuple[int, int], channels: int, parts: list[bytes], depth: int = 8) -> bytes:
    """Return a file that is not interlaced, without ancillary chunks.

    Args:
        size: width and height, pixels.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA).
        parts: contents of the IDAT chunks.
        depth: bits of a sample.
    """
    colour = next(kind for kind, count in _CHANNELS.items() if count == channels)
    sides = b"".join(side.to_bytes(4, "big") for side in size)
    header = make(b"IHDR", sides + bytes([depth, colour, 0, 0, 0]))
    return b"".join([SIGNATURE, header, *(make(b"IDAT", p) for p in parts), make(b"IEND", b"")])


def overhead(metadata: bytes) -> int:
    """Return the size of the kept chunks in an assembled file, bytes.

    Raises:
        Unsupported: ``metadata`` is damaged.
    """
    return sum(map(len, _split(metadata)))


def _up_to_end(data: bytes) -> list[Chunk]:
    """Return the chunks of a file up to the end of the image."""
    found: list[Chunk] = []
    for chunk in walk(data, len(SIGNATURE)):
        found.append(chunk)
        if chunk.type == b"IEND":
            break
    return found


def _header(data: bytes, chunks: list[Chunk]) -> tuple[int, int, int, int]:
    """Return width, height, channels, and bits of a sample."""
    if not chunks or chunks[0].type != b"IHDR" or chunks[0].end - chunks[0].start != 25:
        raise Unsupported("no image header at the start")
    payload = chunks[0].payload(data)
    width, height = int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
    if not (1 <= width <= _MAX_SIDE and 1 <= height <= _MAX_SIDE):
        raise Unsupported("width or height out of range")
    depth, colour, compression, filters, interlace = payload[8:]
    if colour not in _CHANNELS:
        raise Unsupported("palette" if colour == 3 else "neither gray nor rgb nor rgba")
    if depth not in (8, 16):
        raise Unsupported("sample depth is neither 8 nor 16 bits")
    if interlace:
        raise Unsupported("interlaced")
    if compression or filters:
        raise Unsupported("unknown compression or filter method")
    return width, height, _CHANNELS[colour], depth


def _around_data(chunks: list[Chunk]) -> tuple[list[Chunk], list[Chunk]]:
    """Return the chunks before and after the image data."""
    types = [chunk.type for chunk in chunks]
    if types.count(b"IHDR") != 1 or types.count(b"IEND") != 1 or types[-1] != b"IEND":
        raise Unsupported("image header or end in the wrong place")
    if chunks[-1].end - chunks[-1].start != _EMPTY_CHUNK:
        raise Unsupported("image end with data")
    count = types.count(b"IDAT")
    if not count:
        raise Unsupported("no image data")
    first = types.index(b"IDAT")
    behind = first + count
    if types[first:behind] != [b"IDAT"] * count:
        raise Unsupported("image data in two places")
    return chunks[1:first], chunks[behind:-1]


def _without_padding(data: bytes, late: list[Chunk]) -> list[Chunk]:
    if late and late[-1].type == PADDING and not late[-1].payload(data).strip(b"\0"):
        return late[:-1]
    return late


def _verbatim(data: bytes, chunks: list[Chunk]) -> bytes:
    return b"".join(data[c.start : c.end] for c in chunks if c.type not in DROPPED)


def _inflate_profile(payload: bytes) -> bytes:
    """Parse an iCCP chunk (11.3.2.3): name, zero, method 0, zlib stream."""
    name, separator, rest = payload.partition(b"\0")
    if not (separator and 1 <= len(name) <= 79 and rest.startswith(b"\0")):
        raise Unsupported("malformed colour profile")
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(rest[1:], _MAX_ICC + 1)
    except zlib.error as error:
        raise Unsupported("malformed colour profile") from error
    if len(profile) > _MAX_ICC:
        raise Unsupported("colour profile too long")
    if not profile or not inflater.eof or inflater.unused_data:
        raise Unsupported("malformed colour profile")
    return profile


def _split(metadata: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the chunks before and after the image data, and the tail."""
    if not metadata:
        return b"", b"", b""
    start, first, second = 4, int.from_bytes(metadata[:4], "big"), len(metadata)
    if first & _TAILED and len(metadata) >= _LENGTHS.size:
        first, second = _LENGTHS.unpack_from(metadata)
        start, first = _LENGTHS.size, first & ~_TAILED
    middle = start + first
    end = min(middle + second, len(metadata))
    if len(metadata) < middle:
        raise Unsupported("kept chunks are damaged")
    groups = metadata[start:middle], metadata[middle:end]
    for group, before_data in zip(groups, (True, False), strict=True):
        check_ancillary(list(walk(group)), before_data=before_data)
    return *groups, metadata[end:]
