"""Write a file from its pictures and its recipe."""

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from imagecodecs import deflate_encode

from slimgate.codec.containers import DoesNotFit, Malformed
from slimgate.codec.image import memory
from slimgate.codec.image.pixels import Samples, Undecodable
from slimgate.codec.recipes import coders, layout, package, pictures, strip_recipe
from slimgate.codec.recipes.pictures import Shape
from slimgate.codec.recipes.plan import Segment
from slimgate.codec.recipes.rebuilt import (
    MAX_SAMPLES,
    Rebuilt,
    content_digest,
    is_plausible,
)
from slimgate.codec.recipes.recipe import Block, Recipe

MAX_CHANNELS: Final = 64

_MAX_LEVEL: Final = 12  # libdeflate's


def rebuild(rendition: bytes, codec: str, *, pixels: int, length: int) -> Rebuilt:
    """Write the file of a rendition.

    Args:
        rendition: rendition, from the bucket.
        codec: its codec.
        pixels: pixels of the largest image of the file.
        length: length of the file, bytes.

    Raises:
        ContainerError, Undecodable: the rendition is damaged.
        DoesNotFit: a coder has changed, and its output no longer fits.
    """
    found = package.unpack(rendition, codec)
    if strip_recipe.is_of_strips(found.recipe):
        return strip_recipe.rebuild(found.recipe, found.parts, pixels=pixels, length=length)
    recipe = Recipe.loads(found.recipe)
    _check(recipe, len(found.parts), pixels, length)
    writer = _Writer(recipe, found.parts)
    served = b"".join(writer.pieces())
    return Rebuilt(served, content_digest(found.recipe, writer.digests))


def samples_digest(samples: Samples) -> bytes:
    """Return a digest of the samples of a picture."""
    return hashlib.sha256(np.ascontiguousarray(samples, f"<u{samples.itemsize}").data).digest()


def place(samples: Samples, segment: Segment | Block) -> Samples:
    """Return the samples of a segment, as a view."""
    rows = slice(segment.top, segment.top + segment.height)
    columns = slice(segment.left, segment.left + segment.width)
    channel = segment.channel
    return samples[rows, columns, slice(None) if channel < 0 else slice(channel, channel + 1)]


class _Writer:
    """Writes a file, with no more pictures in memory than it needs."""

    def __init__(self, recipe: Recipe, parts: Sequence[bytes]) -> None:
        self._recipe = recipe
        self._parts = parts
        self._left = Counter(block.picture for block in recipe.blocks)
        self._open = dict[int, Samples]()
        self.digests = [b""] * len(recipe.pictures)

    def pieces(self) -> Iterator[bytes]:
        """Yield the file in pieces."""
        rest, position = memoryview(self._recipe.rest), 0
        for block in self._recipe.blocks:
            yield bytes(rest[position : position + block.gap])
            position += block.gap
            yield self._block(block)
        yield bytes(rest[position:])

    def _block(self, block: Block) -> bytes:
        samples = self._picture(block.picture)
        described = self._recipe.formats[block.format]
        with _writing(described.coder.name):
            raw = layout.to_bytes(place(samples, block), described.layout)
            stored = coders.encode(raw, described.coder, described.layout, rows=block.height)
        self._left[block.picture] -= 1
        if not self._left[block.picture]:
            del self._open[block.picture]
        if len(stored) == block.length:
            return stored
        return _fitted(raw, described.layout.family, block.length)

    def _picture(self, index: int) -> Samples:
        if index not in self._open:
            found = self._recipe.pictures
            first = sum(each.parts for each in found[:index])
            parts = self._parts[first : first + found[index].parts]
            self._open[index] = pictures.decode(tuple(parts), found[index].shape)
            self.digests[index] = samples_digest(self._open[index])
        return self._open[index]


@contextlib.contextmanager
def _writing(coder: str) -> Iterator[None]:
    """Turn any exception of a coder into Malformed, unless memory is short."""
    try:
        yield
    except Exception as error:
        if memory.is_exhausted(error):
            raise
        raise Malformed(f"the coder {coder} fails: {type(error).__name__}: {error}") from error


def _fitted(raw: bytes, family: str, length: int) -> bytes:
    """Compress by another coder than the one that has changed, and pad: readers skip zeros."""
    stored = bytes(deflate_encode(raw, _MAX_LEVEL)) if family == "deflate" else None
    if stored is None or len(stored) > length:
        raise DoesNotFit(f"a coder of {family} has changed")
    return stored + bytes(length - len(stored))


def _check(recipe: Recipe, parts: int, pixels: int, length: int) -> None:
    """Check all numbers of a recipe before anything is allocated by them.

    Raises:
        Malformed: they do not fit each other.
        Undecodable: they do not fit the manifest.
    """
    gaps = sum(block.gap for block in recipe.blocks)
    total = len(recipe.rest) + sum(block.length for block in recipe.blocks)
    if gaps > len(recipe.rest) or sum(each.parts for each in recipe.pictures) != parts:
        raise Malformed("recipe and pictures do not fit each other")
    if total != length:
        raise Undecodable(f"makes {total} bytes, not {length}")
    for shape, count in recipe.pictures:
        if not (count and shape.size and shape.channels <= MAX_CHANNELS and shape.sample <= 2):
            raise Malformed("impossible picture")
        if not is_plausible(shape.height * shape.width, pixels):
            raise Undecodable("has a picture larger than the image")
    if sum(_samples(each.shape) for each in recipe.pictures) > MAX_SAMPLES:
        raise Undecodable("has more samples than any file")
    if not all(_is_inside(block, recipe) for block in recipe.blocks):
        raise Malformed("a block is outside of its picture")
    written = Counter[int]()
    for block in recipe.blocks:
        channels = recipe.pictures[block.picture].shape.channels if block.channel < 0 else 1
        written[block.picture] += block.height * block.width * channels
    if any(written[index] > _samples(each.shape) for index, each in enumerate(recipe.pictures)):
        raise Malformed("blocks overlap in their picture")


def _samples(shape: Shape) -> int:
    return shape.height * shape.width * shape.channels


def _is_inside(block: Block, recipe: Recipe) -> bool:
    if not (block.picture < len(recipe.pictures) and block.format < len(recipe.formats)):
        return False
    shape = recipe.pictures[block.picture].shape
    return (
        min(*block[:-2], block.length, block.channel + 1) >= 0
        and min(block.height, block.width) > 0
        and block.top + block.height <= shape.height
        and block.left + block.width <= shape.width
        and block.channel < shape.channels
        and recipe.formats[block.format].layout.sample == shape.sample
    )
