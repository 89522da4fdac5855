"""Find the frames of GIF files (GIF89a, sections 17 to 27)."""

import struct
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from slimgate.codec.containers import Unsupported, kinds, sides
from slimgate.codec.recipes import gif_lzw
from slimgate.codec.recipes.plan import INTERLACED, MAX_SEGMENTS, Layout, Plan, Segment

_HEAD: Final = 13
_EXTENSION, _FRAME, _END = 0x21, 0x2C, 0x3B
_DESCRIPTOR: Final = 10
_INTERLACED: Final = 0x40
_GROUP: Final = 1 << 22
"""Pixels of frames that are one picture, so that what repeats costs nothing."""


class _Frame(NamedTuple):
    offset: int
    length: int
    width: int
    height: int
    code_size: int
    block: int
    interlaced: bool


def plans(data: bytes) -> Iterator[Plan]:
    """Return a single frame as an image, and many as indices in the order of the file.

    Raises:
        Unsupported: the file is damaged, or has too many frames.
    """
    try:
        frames = [each for each in _frames(data) if each.width * each.height]
    except (struct.error, IndexError) as error:
        raise Unsupported("GIF cut off") from error
    width, height = sides.read(data, kinds.GIF)
    if len(frames) == 1:
        yield _plan(data, frames, (frames[0].width, frames[0].height))
        return
    for _, alike in groupby(frames, key=lambda each: (each.code_size, each.block)):
        group, pixels = list[_Frame](), 0
        for frame in alike:
            size = frame.width * frame.height
            if group and pixels + size > width * height + _GROUP:
                yield _plan(data, group, None)
                group, pixels = [], 0
            group.append(frame)
            pixels += size
        yield _plan(data, group, None)


def _plan(data: bytes, frames: Sequence[_Frame], size: tuple[int, int] | None) -> Plan:
    limits = (gif_lzw.limit(data[each.offset : each.offset + each.length]) for each in frames)
    limit = next((found for found in limits if found), 0)
    width = limit | frames[0].block << 16
    layout = Layout(family="gif", variant=frames[0].code_size, width=width)
    if size is not None:
        if frames[0].interlaced:
            layout = layout._replace(variant=layout.variant | INTERLACED)
        whole = Segment(frames[0].offset, frames[0].length, 0, 0, size[1], size[0])
        return Plan(*size, 1, layout, (whole,))
    segments, left = list[Segment](), 0
    for each in frames:
        pixels = each.width * each.height
        segments.append(Segment(each.offset, each.length, 0, left, 1, pixels))
        left += pixels
    return Plan(left, 1, 1, layout, tuple(segments), is_image=False)


def _frames(data: bytes) -> Iterator[_Frame]:
    position = _HEAD + _palette(data[10])
    for _ in range(2 * MAX_SEGMENTS):
        kind = data[position] if position < len(data) else _END
        if kind == _EXTENSION:
            position = _end_of_blocks(data, position + 2)
        elif kind == _FRAME:
            width, height, flags = struct.unpack_from("<HHB", data, position + 5)
            interlaced = bool(flags & _INTERLACED)
            start = position + _DESCRIPTOR + _palette(flags)
            position = _end_of_blocks(data, start + 1)
            size = (position - start, width, height)
            yield _Frame(start, *size, data[start], data[start + 1], interlaced)
        else:
            return
    raise Unsupported("too many frames")


def _palette(flags: int) -> int:
    """Return the size of a palette, bytes."""
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _end_of_blocks(data: bytes, position: int) -> int:
    while data[position]:
        position += 1 + data[position]
    return position + 1
