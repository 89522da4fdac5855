"""The recipe of a TIFF file whose strips are JPEG data: everything but these, as bytes.

The JPEG files of :mod:`slimgate.codec.recipes.jpeg_strips` are parts of the rendition, as JPEG XL.
"""

import hashlib
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np

from slimgate.codec.containers import Malformed, jxl_header
from slimgate.codec.image.pixels import Undecodable
from slimgate.codec.recipes.plan import MAX_SEGMENTS
from slimgate.codec.recipes.rebuilt import (
    MAX_SAMPLES,
    Rebuilt,
    content_digest,
    is_plausible,
)
from slimgate.codec.restore import exact

_VERSION: Final = 2  # other recipes have 1
_HEAD: Final = struct.Struct("<BIIQ")  # version, files, strips, bytes of the rest
_FILE: Final = struct.Struct("<I")
_FIELDS: Final = 3
_MARKER: Final = 2  # bytes of a restart marker, or of the end of an image
_SAMPLES: Final = 3  # of a pixel, at most


class Strip(NamedTuple):
    """Coded data of a strip.

    Attributes:
        gap: bytes of the rest before it.
        file: index of the JPEG file that it is taken from, in order.
        length: length, bytes.
    """

    gap: int
    file: int
    length: int


@dataclass(frozen=True, slots=True)
class StripRecipe:
    """How to write a file.

    Attributes:
        headers: lengths of all before the first strip in each JPEG file, bytes.
        strips: strips in the order of the file.
        rest: all bytes outside of strips, in order.
    """

    headers: tuple[int, ...]
    strips: tuple[Strip, ...]
    rest: bytes

    def dumps(self) -> bytes:
        """Return the recipe as bytes."""
        head = _HEAD.pack(_VERSION, len(self.headers), len(self.strips), len(self.rest))
        # Column by column, as neighbours resemble each other.
        table = np.array(self.strips, "<u4").reshape(-1, _FIELDS)
        return b"".join([head, *map(_FILE.pack, self.headers), table.T.tobytes(), self.rest])

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """Parse a recipe.

        Raises:
            Malformed: the recipe is damaged.
        """
        if len(data) < _HEAD.size:
            raise Malformed("recipe cut off")
        version, files, count, rest = _HEAD.unpack_from(data)
        table = _HEAD.size + _FILE.size * files
        end = table + 4 * _FIELDS * count
        if version != _VERSION or count > MAX_SEGMENTS or len(data) != end + rest:
            raise Malformed("recipe is damaged")
        headers = tuple(length for (length,) in _FILE.iter_unpack(data[_HEAD.size : table]))
        columns = np.frombuffer(data, "<u4", _FIELDS * count, table).reshape(_FIELDS, count)
        return cls(headers, tuple(Strip(*row) for row in columns.T.tolist()), data[end:])

    def lengths(self) -> list[int]:
        """Return the lengths of the JPEG files, bytes."""
        found = list(self.headers)
        for strip in self.strips:
            found[strip.file] += strip.length + _MARKER
        return found

    def check(self, parts: int, length: int) -> None:
        """Check that all numbers fit each other, and the length of the file.

        Raises:
            Malformed, Undecodable: they do not.
        """
        gaps = sum(strip.gap for strip in self.strips)
        used = {strip.file for strip in self.strips}
        fit = parts == len(self.headers) > 0 and used == set(range(parts))
        if gaps > len(self.rest) or not fit:
            raise Malformed("recipe and pictures do not fit each other")
        total = len(self.rest) + sum(strip.length for strip in self.strips)
        if total != length or max(self.headers) > length:
            raise Undecodable(f"makes {total} bytes, not {length}")


def is_of_strips(recipe: bytes) -> bool:
    """Return whether this is a recipe of strips."""
    return recipe[:1] == bytes([_VERSION])


def rebuild(data: bytes, parts: Sequence[bytes], *, pixels: int, length: int) -> Rebuilt:
    """Write a file.

    Args:
        data: recipe, from the bucket.
        parts: its JPEG files, as JPEG XL.
        pixels: pixels of the largest image of the file.
        length: length of the file, bytes.

    Raises:
        ContainerError, Undecodable: the rendition is damaged.
    """
    recipe = StripRecipe.loads(data)
    recipe.check(len(parts), length)
    sizes = _sizes(parts, pixels)
    files = [_returned(*each) for each in zip(parts, sizes, recipe.lengths(), strict=True)]
    digests = [hashlib.sha256(file).digest() for file in files]
    return Rebuilt(b"".join(_pieces(recipe, files)), content_digest(data, digests))


def _sizes(parts: Sequence[bytes], pixels: int) -> list[tuple[int, int]]:
    """Return width and height of each part, before any of them is decoded."""
    found = [jxl_header.read_size(part) for part in parts]
    areas = [width * height for width, height in found]
    if not all(is_plausible(area, pixels) for area in areas):
        raise Undecodable("has a picture larger than the image")
    if _SAMPLES * sum(areas) > MAX_SAMPLES:
        raise Undecodable("has more samples than any file")
    return found


def _returned(part: bytes, size: tuple[int, int], length: int) -> bytes:
    file = exact.restore(part, size=size, length=length)
    if len(file) != length:
        raise Undecodable(f"has a JPEG file of {len(file)} bytes, not {length}")
    return file


def _pieces(recipe: StripRecipe, files: Sequence[bytes]) -> Iterator[bytes]:
    at, position = Counter(dict(enumerate(recipe.headers))), 0
    for strip in recipe.strips:
        yield recipe.rest[position : position + strip.gap]
        position += strip.gap
        start = at[strip.file]
        yield files[strip.file][start : start + strip.length]
        at[strip.file] = start + strip.length + _MARKER
    yield recipe.rest[position:]
