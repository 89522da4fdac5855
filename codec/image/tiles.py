"""Take tiles from a regular grid of an image, for statistics that cost little at any size."""

from typing import Final

import cv2
import numpy as np

from slimgate.codec.image.pixels import Pixels

_TILE: Final = 64
_SPACING: Final = 128
_FEWEST, _MOST = 4, 8  # tiles on a side


def stacked(pixels: Pixels) -> Pixels:
    """Return the tiles below each other.

    Args:
        pixels: uint8, (height, width[, channels]), at least 2 on each side.

    Returns:
        uint8, (tiles * :func:`height` of one, width[, channels]).
    """
    rows, columns = pixels.shape[:2]
    wished = round((rows * columns) ** 0.5 / _SPACING)
    count = min(_MOST, max(_FEWEST, wished))
    side = height(pixels), min(_TILE, columns)
    return np.vstack(
        [
            pixels[y : y + side[0], x : x + side[1], ...]
            for y in _starts(rows, side[0], count)
            for x in _starts(columns, side[1], count)
        ]
    )


def height(pixels: Pixels) -> int:
    """Return the height of the tiles of an image, pixels."""
    return min(_TILE, len(pixels))


def gray(pixels: Pixels) -> Pixels:
    """Return luma, computed in integers; alpha is ignored."""
    if pixels.ndim == 2:
        return pixels
    colour = np.ascontiguousarray(pixels[..., :3])
    return np.asarray(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY))


def _starts(length: int, side: int, count: int) -> list[int]:
    return sorted({(length - side) * i // (count - 1) for i in range(count)})
