"""Restore flat areas of drawings: snap pixels to common colours nearby.

Lossy codecs leave faint noise around lines and letters, the worst case for PNG. Common colours are
found in the decoded pixels, so only the distance must be recorded; where the drawing was flat, the
original colours mostly return.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from slimgate.codec.image.pixels import Pixels

_LOOKED_AT: Final = 200_000  # approximate number of pixels on a regular grid
_SHARE: Final = 0.001  # minimum share of pixels of a common colour
_MOST: Final = 16  # maximum number of colours; each costs a pass over the image
_DRAWN: Final = 0.2  # minimum share of pixels in common colours of a drawing
_MOST_GRAYS: Final = 1  # grays counted for this: dim photographs have few of them


def is_drawn(pixels: Pixels) -> bool:
    """Return whether much of an image has few colours.

    Args:
        pixels: uint8, (height, width[, 3 or 4]).
    """
    _, counts, total = _colours(pixels)
    most = _MOST_GRAYS if pixels.ndim == 2 else _MOST
    return bool(counts[:most].sum() >= _DRAWN * total)


def flattened(pixels: Pixels, near: int) -> Pixels:
    """Return pixels snapped to common colours within ``near`` in every channel.

    Args:
        pixels: uint8, (height, width[, 3 or 4]); unchanged.
        near: distance, of 255.

    Returns:
        An array of the same shape.
    """
    palette: list[npt.NDArray[np.int16]] = []
    for colour in _colours(pixels)[0]:
        if all(np.abs(colour - other).max() > near for other in palette):
            palette.append(colour)
        if len(palette) == _MOST:
            break
    result = pixels.copy()
    for colour in reversed(palette):  # the most common colour wins
        low, high = (np.clip(colour + by, 0, 255).astype(np.float64) for by in (-near, near))
        result[cv2.inRange(pixels, low, high) > 0] = colour.astype(np.uint8)
    return result


def _colours(pixels: Pixels) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64], int]:
    """Return common colours, most frequent first, their counts, and the sample size."""
    height, width = pixels.shape[:2]
    step = max(1, round((height * width / _LOOKED_AT) ** 0.5))
    seen = pixels[::step, ::step].reshape(-(-height // step) * -(-width // step), -1)
    shifts = 8 * np.arange(seen.shape[1] - 1, -1, -1)
    packed = (seen.astype(np.int64) << shifts).sum(axis=1)
    values, counts = np.unique(packed, return_counts=True)
    order = np.argsort(-counts, kind="stable")  # ties: smallest value first
    order = order[counts[order] >= _SHARE * len(seen)]
    colours = (values[order, None] >> shifts & 255).astype(np.int16)
    return colours, counts[order], len(seen)
