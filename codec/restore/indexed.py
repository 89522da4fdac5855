"""Restored pixels as indices of the upload's palette, which returns verbatim."""

from typing import Final

import numpy as np
from imagecodecs import deflate_encode

from slimgate.codec.containers import png, png_palette
from slimgate.codec.image.pixels import Pixels, colours
from slimgate.codec.restore.png_filters import filtered

LEVEL: Final = 10
"""Level of libdeflate, for rows without filters, which make indices larger."""

_BAND: Final = 1 << 10  # pixels compared at a time, whose distances stay in a processor's cache


def indices(pixels: Pixels, palette: Pixels) -> Pixels:
    """Return the index of the nearest colour of each pixel; of equally near ones, the first.

    Args:
        pixels: uint8, (height, width, 3 or 4).
        palette: uint8, (1 to 256, 3 or 4).

    Returns:
        uint8, (height, width).

    Raises:
        ValueError: one has alpha, the other has not.
    """
    if pixels.shape[2:] != palette.shape[1:]:
        raise ValueError("pixels do not fit the palette")
    # Squared distances, less the square of the pixel. All numbers are integers below 2^24, so that
    # float32 is exact. Without BLAS, whose threads no forked process has.
    wanted = palette.astype(np.float32).T
    squares = np.square(wanted).sum(axis=0)
    flat = pixels.reshape(-1, palette.shape[1])
    found = np.empty(len(flat), np.uint8)
    for start in range(0, len(flat), _BAND):
        band = -2 * flat[start : start + _BAND].astype(np.float32)
        apart = squares + band[:, :1] * wanted[0]
        for channel in range(1, len(wanted)):
            apart += band[:, channel, None] * wanted[channel]
        found[start : start + _BAND] = apart.argmin(axis=1)
    return found.reshape(pixels.shape[:2])


def shown(pixels: Pixels, palette: bytes) -> Pixels:
    """Return pixels in the nearest colours of a palette.

    Args:
        pixels: uint8, (height, width, 3 or 4).
        palette: colours, as many bytes each.
    """
    table = colours(palette, pixels.shape[-1])
    return np.asarray(table[indices(pixels, table)])


def encode(pixels: Pixels, metadata: bytes, level: int) -> bytes:
    """Return a PNG file of indices, without the palette.

    Args:
        pixels: uint8, (height, width, 3 or 4).
        metadata: header segments of the upload, which contain the palette.
        level: level of libdeflate.

    Raises:
        Unsupported, ValueError: there is no palette, or it has other channels.
    """
    found = indices(pixels, colours(png.palette(metadata), pixels.shape[-1]))
    height, width = found.shape
    stream = bytes(deflate_encode(b"".join(filtered(found, bytes(height))), level))
    return png.make_file((width, height), 1, [stream], colour=png_palette.COLOUR_TYPE)
