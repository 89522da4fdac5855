"""Make flat again what was drawn flat: colours that many pixels share pull in those near them.

A lossy codec leaves a faint noise around lines and letters, which is the worst that there is for
PNG. What is pulled in is told by the decoded pixels alone, so that nothing need be recorded but how
near it has to be; where the drawing was flat, that mostly brings back the very colours.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from codec.image.pixels import Pixels

_LOOKED_AT: Final = 200_000  # pixels, about, of a regular grid
_SHARE: Final = 0.001  # of them that have a colour for it to count
_MOST: Final = 16  # colours, each of which costs a pass over the image
_DRAWN: Final = 0.2  # share of pixels in such colours below which an image is no drawing
_MOST_GRAYS: Final = 1  # that count for this: a dim photograph has most pixels in a few grays


def is_drawn(pixels: Pixels) -> bool:
    """Return whether much of an image is of few colours.

    Args:
        pixels: uint8, (height, width[, 3 or 4]).
    """
    _, counts, total = _colours(pixels)
    most = _MOST_GRAYS if pixels.ndim == 2 else _MOST
    return bool(counts[:most].sum() >= _DRAWN * total)


def flattened(pixels: Pixels, near: int) -> Pixels:
    """Give pixels the colour that many others have when no channel differs by more than ``near``.

    Args:
        pixels: uint8, (height, width[, 3 or 4]); they stay as they are.
        near: Steps of 255.

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
    for colour in reversed(palette):  # what is commonest has the last word
        low, high = (np.clip(colour + by, 0, 255).astype(np.float64) for by in (-near, near))
        result[cv2.inRange(pixels, low, high) > 0] = colour.astype(np.uint8)
    return result


def _colours(pixels: Pixels) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64], int]:
    """Give the colours that many pixels have, the commonest first, how many, and of how many."""
    height, width = pixels.shape[:2]
    step = max(1, round((height * width / _LOOKED_AT) ** 0.5))
    seen = pixels[::step, ::step].reshape(-(-height // step) * -(-width // step), -1)
    shifts = 8 * np.arange(seen.shape[1] - 1, -1, -1)
    packed = (seen.astype(np.int64) << shifts).sum(axis=1)
    values, counts = np.unique(packed, return_counts=True)
    order = np.argsort(-counts, kind="stable")  # of equals the smallest value first
    order = order[counts[order] >= _SHARE * len(seen)]
    colours = (values[order, None] >> shifts & 255).astype(np.int16)
    return colours, counts[order], len(seen)
