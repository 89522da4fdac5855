"""Peak signal-to-noise ratio of all samples.

It equals scikit-image's ``peak_signal_noise_ratio`` and is computed with OpenCV in bands, so that
memory stays bounded for any image.
"""

import math
from typing import Final

import cv2

from codec.image.pixels import Pixels

PERFECT_PSNR_DB: Final = 99.99
"""PSNR of identical pixels, for which the formula has no finite value."""

_BAND_ROWS: Final = 256  # the differences of a band stay in the processor's cache


def psnr(original: Pixels, restored: Pixels) -> float:
    """Return the peak signal-to-noise ratio in dB.

    With alpha, colour and alpha are measured apart and the worse one counts: an opaque alpha must
    not make up for ruined colours.

    Args:
        original: uint8, (height, width[, channels]).
        restored: Same shape and dtype.
    """
    if original.ndim == 3 and original.shape[2] == 4:
        colour = psnr(original[..., :3], restored[..., :3])
        return min(colour, psnr(original[..., 3], restored[..., 3]))
    bands = (slice(top, top + _BAND_ROWS) for top in range(0, original.shape[0], _BAND_ROWS))
    squares = (cv2.norm(original[band], restored[band], cv2.NORM_L2SQR) for band in bands)
    return decibels(sum(float(each) for each in squares), original.size)


def decibels(squares: float, samples: int) -> float:
    """Return the PSNR in dB, at most ``PERFECT_PSNR_DB``.

    Args:
        squares: Sum of the squared differences, in steps of 255.
        samples: How many differences were summed.
    """
    if squares == 0:
        return PERFECT_PSNR_DB
    return min(PERFECT_PSNR_DB, 10 * math.log10(255 * 255 * samples / squares))
