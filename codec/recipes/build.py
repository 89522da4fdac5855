"""Take a file apart into pictures and a recipe."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple

import numpy as np

from slimgate.codec.image.pixels import Samples
from slimgate.codec.recipes import coders, layout, package, pictures
from slimgate.codec.recipes.coders import Coder
from slimgate.codec.recipes.pictures import Shape
from slimgate.codec.recipes.plan import Plan, Segment
from slimgate.codec.recipes.rebuild import place, samples_digest
from slimgate.codec.recipes.rebuilt import content_digest
from slimgate.codec.recipes.recipe import Block, Format, Picture, Recipe

_PROBED: Final = 3
"""Segments of a picture tried until one tells which coder wrote it."""


class Built(NamedTuple):
    """A rendition, its codec, and the digest of its content."""

    rendition: bytes
    codec: Literal["jxl", "zstd"]
    content: str


@dataclass(slots=True)
class _Builder:
    """What has been taken out of a file so far."""

    data: bytes
    effort: int
    pictures: list[Picture] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    formats: list[Format] = field(default_factory=list)
    blocks: list[tuple[Segment, int, int]] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)

    def take(self, plan: Plan) -> None:
        """Take a picture out of the file, if its coder is known."""
        samples, taken = _samples(self.data, plan)
        coder = _coder(self.data, plan, samples, taken)
        if coder is None:
            return
        known = [each for each in taken if _is_given(self.data, plan, samples, each, coder)]
        if not known:
            return
        parts = pictures.encode(samples, effort=self.effort, is_image=plan.is_image)
        shape = Shape(plan.height, plan.width, plan.channels, plan.layout.sample)
        self.formats.append(Format(plan.layout, coder))
        self.blocks += [(each, len(self.pictures), len(self.formats) - 1) for each in known]
        self.pictures.append(Picture(shape, len(parts)))
        self.parts += parts
        self.digests.append(samples_digest(samples))

    def recipe(self) -> Recipe:
        """Return the recipe: blocks in the order of the file, and all bytes between them."""
        blocks, rest, position = list[Block](), list[bytes](), 0
        for each, picture, found in sorted(self.blocks):
            rest.append(self.data[position : each.offset])
            where = (each.top, each.left, each.height, each.width, each.channel, each.length)
            blocks.append(Block(len(rest[-1]), picture, found, *where))
            position = each.end
        rest.append(self.data[position:])
        return Recipe(tuple(self.pictures), tuple(self.formats), tuple(blocks), b"".join(rest))


def build(data: bytes, plans: Iterable[Plan], *, effort: int) -> Built | None:
    """Return a rendition from which a file returns byte for byte.

    Args:
        data: file.
        plans: its pictures, or bands of them.
        effort: effort of libjxl.

    Returns:
        None if no coder reproduces any of its pixels.

    Raises:
        MemoryError: not enough memory.
    """
    builder = _Builder(data, effort)
    for plan in _apart(tuple(plans), len(data)):
        builder.take(plan)
    if not builder.blocks:
        return None
    recipe = builder.recipe().dumps()
    codec, rendition = package.pack(recipe, builder.parts)
    return Built(rendition, codec, content_digest(recipe, builder.digests))


def _apart(plans: Sequence[Plan], size: int) -> Iterator[Plan]:
    """Yield plans without the segments that overlap others, or the end of the file.

    Those stay as they are. A file may name the same bytes thousands of times, but each of its bytes
    is written, and read here, only once.

    Args:
        plans: plans, untrusted.
        size: size of the file, bytes.
    """
    found = ((each, index) for index, plan in enumerate(plans) for each in plan.segments)
    kept, position = [set[Segment]() for _ in plans], 0
    for each, index in sorted(found):
        if position <= each.offset and each.end <= size:
            kept[index].add(each)
            position = each.end
    for plan, those in zip(plans, kept, strict=True):
        if those:
            yield replace(plan, segments=tuple(each for each in plan.segments if each in those))


def _samples(data: bytes, plan: Plan) -> tuple[Samples, list[Segment]]:
    """Return the samples of a picture, and the segments that could be read."""
    dtype = np.uint16 if plan.layout.sample == 2 else np.uint8
    samples = np.zeros((plan.height, plan.width, plan.channels), dtype)
    taken = []
    for each in plan.segments:
        there = place(samples, each)
        row = layout.row_bytes(each.width, there.shape[2], plan.layout)
        stored = data[each.offset : each.end]
        raw = coders.decode(stored, plan.layout, rows=each.height, length=row * each.height)
        found = None if raw is None else layout.from_bytes(raw, there.shape, plan.layout)
        if found is not None:
            there[...] = found
            taken.append(each)
    return samples, taken


def _coder(data: bytes, plan: Plan, samples: Samples, taken: Sequence[Segment]) -> Coder | None:
    """Return the coder that wrote the segments; None if it is unknown."""
    for each in taken[:_PROBED]:
        stored = data[each.offset : each.end]
        for coder in coders.candidates(stored, plan.layout.family):
            if _is_given(data, plan, samples, each, coder):
                return coder
    return None


def _is_given(data: bytes, plan: Plan, samples: Samples, segment: Segment, coder: Coder) -> bool:
    """Return whether the pixels and a coder give the bytes of a segment."""
    raw = layout.to_bytes(place(samples, segment), plan.layout)
    stored = data[segment.offset : segment.end]
    return coders.gives(raw, stored, coder, plan.layout, rows=segment.height)
