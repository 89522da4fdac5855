"""Take a TIFF file apart into JPEG files and a recipe."""

import hashlib
from collections.abc import Iterable

from slimgate.codec.recipes import package
from slimgate.codec.recipes.build import Built
from slimgate.codec.recipes.jpeg_strips import Joined
from slimgate.codec.recipes.rebuilt import content_digest
from slimgate.codec.recipes.strip_recipe import Strip, StripRecipe
from slimgate.codec.restore import exact


def build(data: bytes, joined: Iterable[Joined]) -> Built | None:
    """Return a rendition from which a file returns byte for byte.

    Args:
        data: file.
        joined: its strips and tiles.

    Returns:
        None if JPEG XL reproduces none of them.

    Raises:
        MemoryError: not enough memory.
    """
    parts, digests, taken = list[bytes](), list[bytes](), list[Joined]()
    for each in joined:
        file = each.file(data)
        stored = exact.transcode(file)
        if stored is not None:
            parts.append(stored)
            digests.append(hashlib.sha256(file).digest())
            taken.append(each)
    if not parts:
        return None
    recipe = _recipe(data, taken).dumps()
    codec, rendition = package.pack(recipe, parts)
    return Built(rendition, codec, content_digest(recipe, digests))


def _recipe(data: bytes, taken: list[Joined]) -> StripRecipe:
    places = sorted((strip, index) for index, each in enumerate(taken) for strip in each.strips)
    strips, rest, position = list[Strip](), list[bytes](), 0
    for place, index in places:
        rest.append(data[position : place.offset])
        strips.append(Strip(len(rest[-1]), index, place.length))
        position = place.end
    rest.append(data[position:])
    headers = tuple(len(each.header()) for each in taken)
    return StripRecipe(headers, tuple(strips), b"".join(rest))
