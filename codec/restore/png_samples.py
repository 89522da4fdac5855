"""Samples of PNG files of every colour type, depth and interlacing (PNG, third edition, 7 and 8).

Filters work on bytes, whatever these mean, so rows are arrays of bytes: (height, n, step), where
step is the distance of bytes that filters compare.
"""

import zlib
from collections.abc import Sequence
from typing import Final, cast

import numpy as np
from imagecodecs import PngError, png_decode

from slimgate.codec.containers import Malformed
from slimgate.codec.containers.png_chunks import SIGNATURE, make
from slimgate.codec.containers.png_parts import Header
from slimgate.codec.image.pixels import Pixels, Samples, Undecodable

_MAX_FILTER: Final = 4

# Colour type and depth whose pixels have that many bytes.
_SIZED: Final = {1: (0, 8), 2: (4, 8), 3: (2, 8), 4: (6, 8), 6: (2, 16), 8: (6, 16)}


def inflate(stream: bytes, header: Header) -> bytes:
    """Inflate image data, and nothing beyond.

    Raises:
        Malformed: the stream is invalid.
        Undecodable: its length does not match the header.
    """
    length = sum(height * (1 + row) for height, row in _sizes(header))
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(stream, length + 1)
    except zlib.error as error:
        raise Malformed("image data cannot be inflated") from error
    if len(raw) != length or not inflater.eof or inflater.unused_data:
        raise Undecodable("image data are not as long as the image")
    return raw


def unfilter(raw: bytes, header: Header) -> tuple[bytes, list[Pixels]]:
    """Return the filter types of all rows, and the bytes of each pass.

    Raises:
        Undecodable: a filter type is invalid.
    """
    kinds, passes, position = [], [], 0
    for height, row in _sizes(header):
        part = raw[position : position + height * (1 + row)]
        position += len(part)
        kinds.append(part[:: 1 + row])
        if max(kinds[-1]) > _MAX_FILTER:
            raise Undecodable("damaged: invalid filter type")
        passes.append(_unfiltered(part, (height, row // header.step, header.step)))
    return b"".join(kinds), passes


def from_passes(passes: Sequence[Pixels], header: Header) -> Samples:
    """Return the samples of all passes, in place."""
    kind = np.uint16 if header.depth == 16 else np.uint8
    samples = np.empty(_shape(header), kind)
    for each, rows in zip(header.passes(), passes, strict=True):
        target = samples[each.top :: each.down, each.left :: each.across]
        target[...] = _unpacked(rows, header.depth, target.shape)
    return cast("Samples", samples)


def to_passes(samples: Samples, header: Header) -> list[Pixels]:
    """Return the bytes of each pass: the inverse of :func:`from_passes`."""
    return [
        _packed(samples[each.top :: each.down, each.left :: each.across], header)
        for each in header.passes()
    ]


def _shape(header: Header) -> tuple[int, ...]:
    sides = (header.height, header.width)
    return sides if header.samples == 1 else (*sides, header.samples)


def _sizes(header: Header) -> list[tuple[int, int]]:
    """Return the rows of each pass, and the bytes of a row."""
    sizes = []
    for each in header.passes():
        height = -(-(header.height - each.top) // each.down)
        width = -(-(header.width - each.left) // each.across)
        sizes.append((height, header.row_bytes(width)))
    return sizes


def _unfiltered(part: bytes, shape: tuple[int, int, int]) -> Pixels:
    """Decode filtered rows as an image of pixels with the same bytes."""
    height, width, step = shape
    colour, depth = _SIZED[step]
    header = Header(width, height, depth, colour, interlaced=False).dumps()
    stream = zlib.compress(part, 0)
    chunks = make(b"IHDR", header), make(b"IDAT", stream), make(b"IEND", b"")
    try:
        pixels = png_decode(b"".join([SIGNATURE, *chunks]))
    except PngError as error:
        raise Undecodable(f"damaged: {error}") from error
    if pixels.dtype == np.uint16:
        pixels = pixels.astype(">u2").view(np.uint8)
    return np.asarray(pixels, np.uint8).reshape(shape)


def _unpacked(rows: Pixels, depth: int, shape: tuple[int, ...]) -> Samples:
    if depth == 16:
        return cast("Samples", rows.reshape(shape[0], -1).view(">u2").reshape(shape))
    if depth == 8:
        return rows.reshape(shape)
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    values = rows.reshape(shape[0], -1, 1) >> shifts & np.uint8((1 << depth) - 1)
    return np.asarray(values.reshape(shape[0], -1)[:, : shape[1]], np.uint8)


def _packed(samples: Samples, header: Header) -> Pixels:
    height, depth = samples.shape[0], header.depth
    if depth == 16:
        return np.ascontiguousarray(samples, ">u2").view(np.uint8).reshape(height, -1, header.step)
    if depth == 8:
        return np.ascontiguousarray(samples, np.uint8).reshape(height, -1, header.step)
    each = 8 // depth
    missing = -samples.shape[1] % each
    values = np.asarray(np.pad(samples, ((0, 0), (0, missing))), np.uint8)
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    packed = np.bitwise_or.reduce(values.reshape(height, -1, each) << shifts, axis=2)
    return np.asarray(packed[..., None], np.uint8)
