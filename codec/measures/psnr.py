"""Peak signal-to-noise ratio of all samples.

Equals scikit-image's ``peak_signal_noise_ratio``; computed with OpenCV in bands to bound memory.
"""

import math
from typing import Final

import cv2

from slimgate.codec.image.pixels import Pixels

PERFECT_PSNR_DB: Final = 99.99
"""PSNR assigned to identical pixels, for which the formula is infinite."""

_BAND_ROWS: Final = 256  # differences of a band stay in the CPU cache


def psnr(original: Pixels, restored: Pixels) -> float:
    """Return the peak signal-to-noise ratio, dB.

    With alpha, colour and alpha are measured separately, and the worse value counts: opaque alpha
    must not compensate for damaged colours.

    Args:
        original: uint8, (height, width[, channels]).
        restored: same shape and dtype.
    """
    if original.ndim == 3 and original.shape[2] == 4:
        colour = psnr(original[..., :3], restored[..., :3])
        return min(colour, psnr(original[..., 3], restored[..., 3]))
    bands = (slice(top, top + _BAND_ROWS) for top in range(0, original.shape[0], _BAND_ROWS))
    squares = (cv2.norm(original[band], restored[band], cv2.NORM_L2SQR) for band in bands)
    return decibels(sum(float(each) for each in squares), original.size)


def decibels(squares: float, samples: int) -> float:
    """Return the PSNR, dB, at most ``PERFECT_PSNR_DB``.

    Args:
        squares: sum of squared differences, of 255.
        samples: number of differences.
    """
    if squares == 0:
        return PERFECT_PSNR_DB
    return min(PERFECT_PSNR_DB, 10 * math.log10(255 * 255 * samples / squares))
