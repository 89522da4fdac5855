"""Find the pixels of files; those of BMP, PNM and PSD here."""

import re
import struct
from collections.abc import Iterator
from typing import Final

from slimgate.codec.containers import Unsupported, kinds, sides
from slimgate.codec.recipes import gif_plans, tiff_plans
from slimgate.codec.recipes.plan import Layout, Plan, Segment, rows

_PAM_DEPTH: Final = re.compile(rb"^(DEPTH|MAXVAL)[ \t]+(\d{1,5})\s*$", re.MULTILINE)
_PNM_END: Final = re.compile(rb"\s*(?:#[^\n\r]*[\n\r]\s*)*(\d{1,5})\s")
_WIDE: Final = 255  # larger maximum values need 16-bit samples
_PSD_HEADER: Final = struct.Struct(">4sH6xHIIHH")
_MAX_CHANNELS: Final = 56  # PSD specification


def plans(data: bytes, mime: str) -> Iterator[Plan]:
    """Return the pictures of a file whose pixels can be found.

    Args:
        data: file, untrusted.
        mime: its type.

    Raises:
        Unsupported: the file is damaged, or keeps its pixels in an unknown way.
    """
    find = _PLANNERS.get(mime)
    if find is None:
        return
    try:
        yield from find(data)
    except (struct.error, OverflowError) as error:
        raise Unsupported("header cut off") from error


def _bmp(data: bytes) -> Iterator[Plan]:
    """Find uncompressed rows of 8, 24 or 32 bits per pixel; bits and nibbles as bytes."""
    size = int.from_bytes(data[14:18], "little")
    offset = struct.unpack_from("<I", data, 10)[0]
    width, height = sides.read(data, kinds.BMP)
    if size < 16:
        bits, compression, down = struct.unpack_from("<H", data, 24)[0], 0, False
    else:
        down = struct.unpack_from("<i", data, 22)[0] < 0
        bits, compression = struct.unpack_from("<HI", data, 28)
    if bits not in (1, 4, 8, 16, 24, 32) or compression not in (0, 3):
        raise Unsupported("compressed BMP")
    packed = bits in (1, 4, 16)
    columns, channels = (-(-width * bits // 8), 1) if packed else (width, bits // 8)
    layout = Layout(align=4, reverse=channels == 3, bottom_up=not down)
    row = -(-width * bits // 32) * 4
    yield _uncompressed(data, offset, row, (columns, height, channels), layout, is_image=not packed)


def _pnm(data: bytes) -> Iterator[Plan]:
    """Find the samples of binary files."""
    width, height = sides.read(data, kinds.PNM)
    kind = data[1:2]
    if kind == b"7":
        head, _, _ = data[:4096].partition(b"ENDHDR\n")
        found = {name: int(value) for name, value in _PAM_DEPTH.findall(head)}
        channels, most, offset = found.get(b"DEPTH", 0), found.get(b"MAXVAL", 0), len(head) + 7
    elif kind in (b"5", b"6"):
        match = _PNM_END.match(data, sides.end_of_pnm_size(data))
        if match is None:
            raise Unsupported("no maximum value in a PNM header")
        channels, most, offset = 1 if kind == b"5" else 3, int(match[1]), match.end()
    elif kind == b"4":
        offset, row = sides.end_of_pnm_size(data) + 1, -(-width // 8)
        yield _uncompressed(data, offset, row, (row, height, 1), Layout(), is_image=False)
        return
    else:
        raise Unsupported("PNM as text")
    if not (channels and most):
        raise Unsupported("no depth or maximum value in a PAM header")
    sample = 2 if most > _WIDE else 1
    layout = Layout(sample=sample, big=True)
    row = width * channels * sample
    yield _uncompressed(data, offset, row, (width, height, channels), layout, is_image=True)


def _psd(data: bytes) -> Iterator[Plan]:
    """Find the composite image, behind four sections; layers stay as they are."""
    _, version, channels, height, width, depth, _ = _PSD_HEADER.unpack_from(data)
    if version != 1 or depth not in (8, 16) or not 0 < channels <= _MAX_CHANNELS:
        raise Unsupported("PSD of large documents, or of another depth")
    position = _PSD_HEADER.size
    for _ in range(3):  # colour modes, resources, layers
        position += 4 + int(struct.unpack_from(">I", data, position)[0])
    (compression,) = struct.unpack_from(">H", data, position)
    position += 2
    layout = Layout(sample=depth // 8, big=True)
    if compression == 0:
        row = width * layout.sample
        planes = [
            each._replace(channel=channel)
            for channel in range(channels)
            for each in rows(position + channel * row * height, row, width, height, bottom_up=False)
        ]
    elif compression == 1:
        layout = layout._replace(family="packbits")
        counts = struct.unpack_from(f">{channels * height}H", data, position)
        planes = list(_packed_planes(counts, position + 2 * len(counts), width, height))
    else:
        raise Unsupported("PSD compressed by zlib")
    yield Plan(width, height, channels, layout, tuple(planes))


def _packed_planes(
    counts: tuple[int, ...], position: int, width: int, height: int
) -> Iterator[Segment]:
    """Yield the planes whose rows have these lengths."""
    for channel, first in enumerate(range(0, len(counts), height)):
        length = sum(counts[first : first + height])
        yield Segment(position, length, 0, 0, height, width, channel)
        position += length


def _uncompressed(
    data: bytes,
    offset: int,
    row: int,
    shape: tuple[int, int, int],
    layout: Layout,
    *,
    is_image: bool,
) -> Plan:
    width, height, channels = shape
    if offset + row * height > len(data):
        raise Unsupported("fewer rows than the header says")
    segments = tuple(rows(offset, row, width, height, bottom_up=layout.bottom_up))
    return Plan(width, height, channels, layout, segments, is_image=is_image)


_PLANNERS: Final = {
    kinds.BMP: _bmp,
    kinds.GIF: gif_plans.plans,
    kinds.PNM: _pnm,
    kinds.PSD: _psd,
    kinds.TIFF: tiff_plans.plans,
}
