"""Palettes of PNG files (PNG, third edition, 11.2.2 and 11.3.1.1)."""

from collections.abc import Iterable
from typing import Final

from slimgate.codec.containers.errors import Unsupported
from slimgate.codec.containers.png_chunks import Chunk

COLOUR_TYPE: Final = 3
_COLOURS: Final = b"PLTE"
_ALPHA: Final = b"tRNS"
_MOST: Final = 256


def without(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Return the chunks that hold no palette."""
    return [chunk for chunk in chunks if chunk.type not in (_COLOURS, _ALPHA)]


def has_alpha(early: list[Chunk]) -> bool:
    """Return whether a palette's colours have alpha."""
    return any(chunk.type == _ALPHA for chunk in early)


def read(data: bytes, early: list[Chunk]) -> bytes:
    """Return the colours of a palette: three bytes each, or four with alpha.

    Args:
        data: content of the file.
        early: its chunks before the image data.

    Raises:
        Unsupported: no palette, more than one, or a damaged one.
    """
    types = [chunk.type for chunk in early]
    if types.count(_COLOURS) != 1 or types.count(_ALPHA) > 1:
        raise Unsupported("not one palette")
    place = types.index(_COLOURS)
    colours = early[place].payload(data)
    count, rest = divmod(len(colours), 3)
    if rest or not 0 < count <= _MOST:
        raise Unsupported("malformed palette")
    if _ALPHA not in types:
        return colours
    alpha = early[types.index(_ALPHA)].payload(data)
    if types.index(_ALPHA) < place or len(alpha) > count:
        raise Unsupported("malformed palette")
    alpha = alpha.ljust(count, b"\xff")  # what has no alpha is opaque
    return b"".join(colours[3 * i : 3 * i + 3] + alpha[i : i + 1] for i in range(count))
