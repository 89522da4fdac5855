"""PNG files of every kind, written in every way that zlib has."""

import zlib
from typing import Final

import numpy as np

from slimgate.codec.containers import png
from slimgate.codec.containers.png_chunks import SIGNATURE, make
from slimgate.codec.containers.png_parts import Header, Parts, join
from slimgate.codec.image.pixels import Pixels, Samples
from slimgate.codec.restore.png_filters import filtered, filtered_passes
from slimgate.codec.restore.png_samples import to_passes
from tests.codec.pictures import crop

_MODES: Final = {1: "L", 2: "RGBA", 3: "RGB", 4: "RGBA"}
"""Pillow's modes by number of samples; gray with alpha is cut out of four."""

PALETTE: Final = bytes((17 * index * (1 + index % 3)) % 256 for index in range(768))


def png_file(
    pixels: Pixels,
    *,
    filters: bytes | None = None,
    coder: tuple[int, int, int] = (6, 8, 0),
    chunk: int = 1 << 20,
    window: int = 15,
) -> bytes:
    """Write pixels as a PNG file.

    Args:
        pixels: uint8, (height, width[, 3 or 4]).
        filters: Type of each row; all types in turn when not given.
        coder: Level, memory level and strategy of zlib.
        chunk: Bytes of each IDAT chunk.
        window: Logarithm of zlib's window.
    """
    height, width = pixels.shape[:2]
    kinds = bytes(row % 5 for row in range(height)) if filters is None else filters
    level, memory, strategy = coder
    deflater = zlib.compressobj(level, zlib.DEFLATED, window, memory, strategy)
    stream = deflater.compress(b"".join(filtered(pixels, kinds))) + deflater.flush()
    parts = [stream[start : start + chunk] for start in range(0, len(stream), chunk)]
    return png.make_file((width, height), pixels.size // (width * height), parts)


KINDS: Final = tuple(
    Header(37, 29, depth, colour, interlaced)
    for colour, depths in (
        (0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))
    )
    for depth in depths
    for interlaced in (False, True)
)  # fmt: skip
"""One small image header of each kind (PNG, third edition, table 8)."""


def sized(kind: Header, width: int, height: int) -> Header:
    """Return the header of an image of the same kind."""
    return kind._replace(width=width, height=height)


def picture(header: Header) -> Samples:
    """Make samples of an image with gradients and edges."""
    shape = (header.height, header.width) + ((header.samples,) if header.samples > 1 else ())
    rows, columns = np.indices(shape[:2])
    values = (rows * 3 + columns * 5 + 40 * (rows // 8 % 2)) % 256
    layers = [values, values // 2 + 30, 255 - values, np.minimum(255, values + 99)]
    whole = np.dstack(layers[: header.samples]).reshape(shape)
    if header.depth == 16:
        return np.asarray(whole * 256 + whole // 3, np.uint16)
    return np.asarray(whole >> 8 - header.depth, np.uint8)


def photograph(header: Header) -> Samples:
    """Return a photograph as samples of a kind; of 16 bits, no byte is given twice."""
    shown = crop(_MODES[header.samples], header.width, header.height)
    found = shown[..., 2:] if header.samples == 2 else shown
    if header.depth == 16:
        return np.asarray(found * np.uint16(257) ^ 1, np.uint16)
    return np.asarray(found >> 8 - header.depth, np.uint8)


def any_png(
    header: Header,
    *,
    samples: Samples | None = None,
    before: bytes = b"",
    after: bytes = make(b"IEND", b""),
    coder: tuple[int, int, int] = (6, 8, 0),
    chunk: int = 1 << 20,
    strange: bool = False,
    palette: bytes | None = None,
) -> bytes:
    """Write a PNG file of any kind.

    Args:
        header: Image header.
        samples: Samples; a picture when not given.
        before: Bytes before the image data, behind the palette.
        after: Bytes behind the image data.
        coder: Level, memory level and strategy of zlib.
        chunk: Bytes of each IDAT chunk.
        palette: Colours; as many as the depth has indices when not given.
        strange: Compress in a way that no parameters of zlib give.
    """
    passes = to_passes(picture(header) if samples is None else samples, header)
    rows = sum(map(len, passes))
    raw = b"".join(filtered_passes(passes, bytes(row % 5 for row in range(rows))))
    level, memory, strategy = coder
    deflater = zlib.compressobj(level, zlib.DEFLATED, 15, memory, strategy)
    stream = deflater.compress(raw[:9])
    stream += deflater.flush(zlib.Z_FULL_FLUSH) if strange else b""
    stream += deflater.compress(raw[9:]) + deflater.flush()
    parts = tuple(stream[start : start + chunk] for start in range(0, len(stream), chunk))
    colours = PALETTE[: 3 << header.depth] if palette is None else palette
    first = make(b"PLTE", colours) if header.colour == 3 else b""
    whole = Parts(header, first + before, parts, after)
    size = len(SIGNATURE) + 25 + sum(12 + len(part) for part in parts)
    return join(whole, size + len(whole.before) + len(after))
