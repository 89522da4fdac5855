"""PNG files written in every way that zlib has, for the tests of their recipes."""

import zlib

from codec.containers import png
from codec.image.pixels import Pixels
from codec.restore.png_filters import filtered


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
