"""The recipe of a file: everything but its pixels, as bytes."""

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple, Self, get_args

import numpy as np

from slimgate.codec.containers import Malformed
from slimgate.codec.recipes import coders
from slimgate.codec.recipes.coders import Coder
from slimgate.codec.recipes.pictures import Shape
from slimgate.codec.recipes.plan import MAX_SEGMENTS, Family, Layout
from slimgate.codec.recipes.possible import is_possible

_VERSION: Final = 1
_HEAD: Final = struct.Struct("<BHHIQ")  # version; pictures, formats, blocks; bytes of the rest
_PICTURE: Final = struct.Struct("<IIBBB")  # height, width, channels, bytes per sample, parts
_FORMAT: Final = struct.Struct("<BBBBBIBBHIB")
_FAMILIES: Final[tuple[Family, ...]] = get_args(Family)
_FIELDS: Final = 9


class Block(NamedTuple):
    """A segment that is written from a picture.

    Attributes:
        gap: bytes of the rest before it.
        picture: index of the picture.
        format: index of layout and coder.
        top: first row in the picture.
        left: first column.
        height: rows.
        width: columns.
        channel: the only channel; -1: all.
        length: length in the file, bytes.
    """

    gap: int
    picture: int
    format: int
    top: int
    left: int
    height: int
    width: int
    channel: int
    length: int


class Format(NamedTuple):
    """Layout and coder of blocks."""

    layout: Layout
    coder: Coder


class Picture(NamedTuple):
    """Shape of a picture, and the number of its parts in the rendition."""

    shape: Shape
    parts: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to write a file.

    Attributes:
        pictures: pictures.
        formats: layouts and coders.
        blocks: blocks in the order of the file.
        rest: all bytes outside of blocks, in order.
    """

    pictures: tuple[Picture, ...]
    formats: tuple[Format, ...]
    blocks: tuple[Block, ...]
    rest: bytes

    def dumps(self) -> bytes:
        """Return the recipe as bytes."""
        counts = (len(self.pictures), len(self.formats), len(self.blocks), len(self.rest))
        parts = [_HEAD.pack(_VERSION, *counts)]
        parts += [_PICTURE.pack(*each.shape, each.parts) for each in self.pictures]
        parts += [_packed(each) for each in self.formats]
        # Column by column: neighbours resemble each other, which compresses well.
        table = np.array(self.blocks, "<i8").reshape(-1, _FIELDS)
        return b"".join([*parts, table.T.tobytes(), self.rest])

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """Parse a recipe.

        Raises:
            Malformed: the recipe is damaged.
        """
        try:
            return cls(*_fields(data))
        except (struct.error, ValueError, IndexError) as error:
            raise Malformed("recipe is damaged") from error


def _fields(
    data: bytes,
) -> tuple[tuple[Picture, ...], tuple[Format, ...], tuple[Block, ...], bytes]:
    version, pictures, formats, blocks, rest = _HEAD.unpack_from(data)
    if version != _VERSION or blocks > MAX_SEGMENTS:
        raise ValueError("of another version, or too long")
    first = _HEAD.size
    middle = first + _PICTURE.size * pictures
    table = middle + _FORMAT.size * formats
    end = table + 8 * _FIELDS * blocks
    if len(data) != end + rest:
        raise ValueError("of another length")
    found = [
        _PICTURE.unpack(data[at : at + _PICTURE.size]) for at in range(first, middle, _PICTURE.size)
    ]
    columns = np.frombuffer(data, "<i8", _FIELDS * blocks, table).reshape(_FIELDS, blocks)
    return (
        tuple(Picture(Shape(*each[:4]), each[4]) for each in found),
        tuple(_unpacked(data[at : at + _FORMAT.size]) for at in range(middle, table, _FORMAT.size)),
        tuple(Block(*row) for row in columns.T.tolist()),
        data[end:],
    )


def _packed(each: Format) -> bytes:
    layout, coder = each
    return _FORMAT.pack(
        layout.sample,
        layout.big,
        layout.reverse,
        layout.bottom_up,
        layout.difference,
        layout.align,
        _FAMILIES.index(layout.family),
        layout.variant,
        coders.NAMES.index(coder.name),
        layout.width,
        coder.level | coder.memory << 4,
    )


def _unpacked(data: bytes) -> Format:
    sample, big, reverse, up, difference, align, family, variant, name, width, how = _FORMAT.unpack(
        data
    )
    layout = Layout(
        sample=sample,
        big=bool(big),
        reverse=bool(reverse),
        align=align,
        bottom_up=bool(up),
        difference=bool(difference),
        family=_FAMILIES[family],
        variant=variant,
        width=width,
    )
    coder = Coder(coders.NAMES[name], how & 15, how >> 4)
    if not is_possible(coder, layout):
        raise ValueError("impossible layout")
    return Format(layout, coder)
