"""Soften originals: many uploads are enlarged, scanned or out of focus.

A network that has only seen sharp images sharpens everything, and falls below plain interpolation
where there is nothing to sharpen.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

_BLUR_SHARE: Final = 0.5  # the others are made smaller and large again
_SIGMA: Final = (0.5, 1.6)  # pixels
_FACTOR: Final = (1.25, 3.0)


def soften(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Take away detail at random, as a lens out of focus or an enlargement does.

    Args:
        pixels: uint8, (h, w, 3).
        random: Where all draws come from.

    Returns:
        uint8, (h, w, 3).
    """
    if random.random() < _BLUR_SHARE:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), random.uniform(*_SIGMA)), np.uint8)
    return _enlarged(pixels, random.uniform(*_FACTOR))


def _enlarged(pixels: Pixels, factor: float) -> Pixels:
    height, width = pixels.shape[:2]
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.uint8)
