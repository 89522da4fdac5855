"""Soften originals: many uploads are enlarged, scanned or out of focus.

A network trained on sharp images alone sharpens everything, and falls below interpolation where
there is nothing to sharpen. Grain does not make an image sharp: some softened originals get grain,
as in scans, films and X-rays, and some are gray.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

_BLUR_SHARE: Final = 0.5  # the others are shrunk and enlarged
_SIGMA: Final = (0.5, 1.6)  # pixels
_FACTOR: Final = (1.25, 3.0)
_GRAY_SHARE: Final = 0.25
_GRAIN_SHARE: Final = 0.5
_GRAIN: Final = (0.5, 4.0)  # standard deviation in steps of a pixel value

VERSION: Final = 2
"""Version of softening; part of the cache key of pairs."""


def soften(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Remove detail randomly, like defocus or enlargement; then add grain.

    Args:
        pixels: uint8, (h, w, 3).
        random: random generator.

    Returns:
        uint8, (h, w, 3).
    """
    soft = _blurred(pixels, random)
    gray = random.random() < _GRAY_SHARE
    if gray:
        luma = cv2.cvtColor(soft, cv2.COLOR_RGB2GRAY)
        soft = np.repeat(np.asarray(luma, np.uint8)[..., None], 3, axis=2)
    if random.random() < _GRAIN_SHARE:
        return _grained(soft, random.uniform(*_GRAIN), random, gray=gray)
    return soft


def _blurred(pixels: Pixels, random: np.random.Generator) -> Pixels:
    if random.random() < _BLUR_SHARE:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), random.uniform(*_SIGMA)), np.uint8)
    return _enlarged(pixels, random.uniform(*_FACTOR))


def _grained(pixels: Pixels, sigma: float, random: np.random.Generator, *, gray: bool) -> Pixels:
    grain = random.normal(0, sigma, (*pixels.shape[:2], 1 if gray else 3))
    return np.clip(np.rint(pixels + grain), 0, 255).astype(np.uint8)


def _enlarged(pixels: Pixels, factor: float) -> Pixels:
    height, width = pixels.shape[:2]
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.uint8)
