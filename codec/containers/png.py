"""Parse PNG files, and assemble them with a given size (PNG, third edition).

Padding is one private chunk before IEND, so gaps of 1 to 11 bytes cannot be filled.
"""

import struct
from dataclasses import dataclass
from typing import Final

from slimgate.codec.containers import png_palette
from slimgate.codec.containers.errors import DoesNotFit, Unsupported
from slimgate.codec.containers.header import check_metadata_size, check_tail_size
from slimgate.codec.containers.png_chunks import (
    DROPPED,
    PADDING,
    SIGNATURE,
    Chunk,
    check_ancillary,
    check_unique,
    inflate_profile,
    make,
    walk,
)

_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 6: 4}  # table 9: gray, RGB, palette, RGBA
_EMPTY_CHUNK: Final = 12
_MAX_SIDE: Final = (1 << 31) - 1
_TAILED: Final = 1 << 31
_LENGTHS: Final = struct.Struct(">II")


@dataclass(frozen=True, slots=True)
class Png:
    """The parsed properties of a PNG file.

    Attributes:
        width: width, pixels.
        height: height, pixels.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA), of colours if there is a palette.
        deep: samples have 16 bits, not 8.
        before: ancillary chunks before the image data, verbatim, without unsafe-to-copy ones.
        after: ancillary chunks after the image data, verbatim, without slimgate's padding.
        tail: bytes behind the end of the image.
        icc: colour profile.
        palette: colours, a byte for each channel; empty without a palette.
    """

    width: int
    height: int
    channels: int
    deep: bool
    before: bytes
    after: bytes
    tail: bytes
    icc: bytes | None
    palette: bytes

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
    width, height, colour, depth = _header(data, chunks)
    early, late = _around_data(chunks)
    palette = png_palette.read(data, early) if colour == png_palette.COLOUR_TYPE else b""
    channels = (4 if png_palette.has_alpha(early) else 3) if palette else _CHANNELS[colour]
    check_ancillary(png_palette.without(early) if palette else early, before_data=True)
    check_ancillary(late, before_data=False)
    check_unique([*early, *late])
    before, after = _verbatim(data, early), _verbatim(data, _without_padding(data, late))
    check_metadata_size(4 + len(before) + len(after))
    profile = next((chunk for chunk in early if chunk.type == b"iCCP"), None)
    icc = None if profile is None else inflate_profile(profile.payload(data))
    return Png(width, height, channels, depth == 16, before, after, tail, icc, palette)


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


def palette(metadata: bytes) -> bytes:
    """Return the colours of the palette among kept chunks.

    Raises:
        Unsupported: ``metadata`` is damaged, or has none.
    """
    before = _split(metadata)[0]
    return png_palette.read(before, list(walk(before)))


def make_file(
    size: tuple[int, int],
    channels: int,
    parts: list[bytes],
    depth: int = 8,
    *,
    colour: int | None = None,
) -> bytes:
    """Return a file that is not interlaced, without ancillary chunks.

    Args:
        size: width and height, pixels.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA).
        parts: contents of the IDAT chunks.
        depth: bits of a sample.
        colour: colour type; None: that of so many channels.
    """
    if colour is None:
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
    """Return width, height, colour type, and bits of a sample."""
    if not chunks or chunks[0].type != b"IHDR" or chunks[0].end - chunks[0].start != 25:
        raise Unsupported("no image header at the start")
    payload = chunks[0].payload(data)
    width, height = int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
    if not (1 <= width <= _MAX_SIDE and 1 <= height <= _MAX_SIDE):
        raise Unsupported("width or height out of range")
    depth, colour, compression, filters, interlace = payload[8:]
    if colour not in _CHANNELS:
        raise Unsupported("neither gray nor rgb nor rgba")
    if colour == png_palette.COLOUR_TYPE and depth != 8:
        raise Unsupported("palette of fewer than 256 colours")
    if depth not in (8, 16):
        raise Unsupported("sample depth is neither 8 nor 16 bits")
    if interlace:
        raise Unsupported("interlaced")
    if compression or filters:
        raise Unsupported("unknown compression or filter method")
    return width, height, colour, depth


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
    check_ancillary(png_palette.without(walk(groups[0])), before_data=True)
    check_ancillary(list(walk(groups[1])), before_data=False)
    return *groups, metadata[end:]
