"""How the image data of a PNG were compressed, so that the file can be reproduced.

A hundred encoders choose filters by heuristics, so the type of each row is recorded. Few libraries
write Deflate: once zlib's parameters are found, most files are reproduced byte for byte. Others are
compressed with the same filters by any coder that fits, and padded.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Final, Self

from imagecodecs import deflate_encode

from slimgate.codec.containers import DoesNotFit, Malformed, assemble, png
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.restore.png_filters import filtered_passes
from slimgate.codec.search.effort import Work

_ZLIB: Final = 0
_LIBDEFLATE: Final = 1
_HEAD: Final = struct.Struct(">BBBB2sII")  # coder to head, number of chunks, number of rows
_LENGTH: Final = struct.Struct(">I")

# Levels with the same two bits in the stream's header (zlib, deflate.c), most likely first.
_LEVELS: Final = ((1, 0), (5, 4, 3, 2), (6,), (9, 7, 8))
_STRATEGIES: Final = (zlib.Z_FILTERED, zlib.Z_DEFAULT_STRATEGY, zlib.Z_RLE, zlib.Z_HUFFMAN_ONLY)
_MEMORY: Final = (8, 9)  # zlib's default and maximum; libpng and ImageMagick use the latter
_FULL_WINDOW: Final = 15
_MAX_LEVEL: Final = 12  # libdeflate's; zlib checks its own
_HIGH: Final = b"\x78\xda"  # RFC 1950, 2.2: full window, highest compression level


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to compress the image data.

    Attributes:
        coder: 0: zlib, 1: libdeflate.
        level: level of the coder.
        memory: zlib's ``memLevel``.
        strategy: zlib's strategy.
        head: first two bytes of the stream, which some encoders change afterwards.
        chunks: sizes of all IDAT chunks except the last.
        filters: filter type of each row.
    """

    coder: int
    level: int
    memory: int
    strategy: int
    head: bytes
    chunks: tuple[int, ...]
    filters: bytes

    def dumps(self) -> bytes:
        """Return the recipe as bytes."""
        numbers = (self.coder, self.level, self.memory, self.strategy, self.head)
        head = _HEAD.pack(*numbers, len(self.chunks), len(self.filters))
        return b"".join([head, *(_LENGTH.pack(length) for length in self.chunks), self.filters])

    @classmethod
    def loads(cls, data: bytes) -> tuple[Self, bytes]:
        """Parse a recipe, and return it with the bytes after it.

        Raises:
            Malformed: the recipe is damaged.
        """
        if len(data) < _HEAD.size:
            raise Malformed("recipe cut off")
        coder, level, memory, strategy, head, count, rows = _HEAD.unpack_from(data)
        middle = _HEAD.size + _LENGTH.size * count
        end = middle + rows
        if len(data) < end or coder not in (_ZLIB, _LIBDEFLATE) or level > _MAX_LEVEL:
            raise Malformed("recipe is damaged")
        chunks = tuple(length for (length,) in _LENGTH.iter_unpack(data[_HEAD.size : middle]))
        return cls(coder, level, memory, strategy, head, chunks, data[middle:end]), data[end:]


def find(data: bytes, pixels: Pixels, metadata: bytes, *, work: Work) -> tuple[Recipe, bytes]:
    """Find how a PNG file was written, or how to write one of its size.

    Args:
        data: parsed file.
        pixels: decoded pixels.
        metadata: its ancillary chunks.
        work: work done and allowed; no further parameters are tried beyond.

    Returns:
        The recipe, and the resulting file: ``data`` itself, or one with the same pixels and size.

    Raises:
        DoesNotFit: no file with these pixels is small enough.
        Malformed: no sound encoder writes such image data.
    """
    parts = png.image_data(data)
    stream = b"".join(parts)
    recipe, known = of_stream(parts, _filters(stream, pixels), [pixels], work=work)
    if known:
        return recipe, _file(cut(stream, recipe), pixels, metadata, len(data))
    return _that_fits(pixels, others(recipe), metadata, len(data))


def of_stream(
    parts: Sequence[bytes], filters: bytes, passes: Sequence[Pixels], *, work: Work
) -> tuple[Recipe, bool]:
    """Find how image data were written.

    Args:
        parts: contents of the IDAT chunks.
        filters: filter type of each row of all passes.
        passes: bytes of each pass, uint8, (height, n, distance of bytes that filters compare).
        work: work done and allowed; no further parameters are tried beyond.

    Returns:
        The recipe, and whether it reproduces the data; otherwise, :func:`others` may.
    """
    stream = b"".join(parts)
    chunks = tuple(len(part) for part in parts[:-1])
    for recipe in _zlib_recipes(stream, filters, chunks):
        if work.is_done:
            break
        if _gives(recipe, passes, stream, work):
            return recipe, True
    return Recipe(_ZLIB, 9, 8, 0, stream[:2], chunks, filters), False


def write(pixels: Pixels, recipe: Recipe, metadata: bytes, size: int) -> bytes:
    """Write a PNG file by a recipe; if a coder has changed, in another way that fits.

    Args:
        pixels: uint8, (height, width[, 3 or 4]).
        recipe: recipe from the rendition.
        metadata: ancillary chunks.
        size: required size of the file, bytes.

    Raises:
        DoesNotFit: no coder reaches that size.
        ValueError: the recipe belongs to another image, or has invalid parameters.
    """
    return _that_fits(pixels, (recipe, *others(recipe)), metadata, size)[1]


def others(recipe: Recipe) -> tuple[Recipe, ...]:
    """Return the recipes to try if one does not reproduce the data, fastest first."""
    head = recipe.head if recipe.head[0] == _HIGH[0] else _HIGH
    # A single chunk saves 12 bytes for each other one. Level 12 is about what optimizers reach.
    plain = replace(recipe, coder=_LIBDEFLATE, memory=0, strategy=0, head=head, chunks=())
    return replace(plain, level=9), replace(plain, level=_MAX_LEVEL)


def _that_fits(
    pixels: Pixels, recipes: tuple[Recipe, ...], metadata: bytes, size: int
) -> tuple[Recipe, bytes]:
    last = DoesNotFit("no way to write it")
    for recipe in recipes:
        try:
            parts = deflated(recipe, [pixels])
            return recipe, _file(parts, pixels, metadata, size)
        except DoesNotFit as error:
            last = error
    raise last


def deflated(recipe: Recipe, passes: Sequence[Pixels]) -> list[bytes]:
    """Return the contents of the IDAT chunks.

    Args:
        recipe: recipe.
        passes: bytes of each pass, as in :func:`of_stream`.

    Raises:
        ValueError: the recipe belongs to another image, or has invalid parameters.
    """
    return cut(b"".join(_deflate(recipe, passes)), recipe)


def cut(stream: bytes, recipe: Recipe) -> list[bytes]:
    """Return a zlib stream in parts, as a recipe has them."""
    stream = recipe.head + stream[2:]
    bounds = [0, *accumulate(recipe.chunks), len(stream)]
    return [stream[start:end] for start, end in pairwise(bounds)]


def _file(parts: list[bytes], pixels: Pixels, metadata: bytes, size: int) -> bytes:
    height, width = pixels.shape[:2]
    file = png.make_file((width, height), pixels.size // (width * height), parts)
    return assemble("PNG", file, metadata, size)


def _deflate(recipe: Recipe, passes: Sequence[Pixels]) -> Iterator[bytes]:
    """Yield the zlib stream in pieces."""
    rows = filtered_passes(passes, recipe.filters)
    if recipe.coder == _LIBDEFLATE:
        yield bytes(deflate_encode(b"".join(rows), recipe.level))
        return
    window = max(9, min(_FULL_WINDOW, 8 + (recipe.head[0] >> 4)))
    coder = zlib.compressobj(recipe.level, zlib.DEFLATED, window, recipe.memory, recipe.strategy)
    for band in rows:
        yield coder.compress(band)
    yield coder.flush()


def _gives(recipe: Recipe, passes: Sequence[Pixels], stream: bytes, work: Work) -> bool:
    """Return whether a recipe reproduces a stream, stopping at the first difference."""
    position, size = 0, sum(each.size for each in passes)
    for piece in _deflate(recipe, passes):
        work.deflate(size * len(piece) // max(1, len(stream)))
        skipped = max(0, 2 - position)  # the head is recorded, so not compared
        if not stream.startswith(piece[skipped:], position + skipped):
            return False
        position += len(piece)
    return position == len(stream)


def _zlib_recipes(stream: bytes, filters: bytes, chunks: tuple[int, ...]) -> Iterator[Recipe]:
    for strategy in _STRATEGIES:
        for memory in _MEMORY:
            for level in _LEVELS[stream[1] >> 6]:
                yield Recipe(_ZLIB, level, memory, strategy, stream[:2], chunks, filters)


def _filters(stream: bytes, pixels: Pixels) -> bytes:
    """Return the filter type of each row of an inflated stream, without inflating excess data.

    Raises:
        Malformed: the stream is invalid, or its length does not match the image.
    """
    height = pixels.shape[0]
    row = 1 + pixels.size // height
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(stream, row * height + 1)
    except zlib.error as error:
        raise Malformed("image data cannot be inflated") from error
    if len(raw) != row * height or not inflater.eof or inflater.unused_data:
        raise Malformed("image data are not as long as the image")
    return raw[::row]
