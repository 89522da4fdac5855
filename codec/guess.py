"""Guess from a few statistics of an image which quality will hold a floor.

The guess costs a hundredth of an encoding and is right to about six steps of quality; trials do the
rest. It also tells how much easier to code a sample is than its image.
"""

import math
from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np

from codec import fidelity
from codec.coding import level
from codec.pixels import Pixels
from config import Floor

_AT: Final = 50
# Least-squares fits to AVIF (speed 8, 4:4:4) at quality 50 on 60 images of open licences (every
# fourth of 240 photographs): PSNR from the logarithm of the mean gradient with an error of 1.0 dB,
# -10 log10(1 - SSIM) from that and the share of flat pixels with one of 1.1 dB; and the means of
# their slopes.
_PSNR_FIT: Final = (45.55, -4.86)
_SSIM_FIT: Final = (1.15, 1.25, 15.5)
_PSNR_SLOPE: Final = 0.18
_SSIM_SLOPE: Final = 0.165
_FLAT: Final = 2  # steps of 255 that the eye takes for none, and cameras make as noise


@dataclass(frozen=True, slots=True)
class Activity:
    """How much there is to code in an image.

    Attributes:
        gradient: Natural logarithm of the mean step between neighbours, of 255, across plus down.
        flat: Share of pixels that hardly differ from their right neighbour.
    """

    gradient: float
    flat: float

    @classmethod
    def of(cls, pixels: Pixels) -> Self:
        """Measure an image.

        Args:
            pixels: uint8, (height, width[, channels]), at least 2 on each side.
        """
        gray = _gray(pixels)
        across = cv2.absdiff(gray[:, 1:], gray[:, :-1])
        down = cv2.absdiff(gray[1:], gray[:-1])
        steps = cv2.mean(across)[0] + cv2.mean(down)[0]
        flat = np.count_nonzero(across <= _FLAT) / across.size
        return cls(math.log(max(steps, 0.05)), flat)

    @property
    def psnr_db(self) -> float:
        """Expect this PSNR at AVIF quality 50."""
        return _PSNR_FIT[0] + _PSNR_FIT[1] * self.gradient

    @property
    def ssim_db(self) -> float:
        """Expect this much SSIM at AVIF quality 50, as dB of what is lacking to 1."""
        return _SSIM_FIT[0] + _SSIM_FIT[1] * self.gradient + _SSIM_FIT[2] * self.flat


def quality(activity: Activity, floor: Floor, codec: str) -> int:
    """Guess the lowest quality that holds.

    Args:
        activity: Of the pixels that are encoded.
        floor: What they must keep.
        codec: Name of the codec.

    Returns:
        A quality of that codec, 10 to 95.
    """
    wanted = [float(_AT)]
    if floor.psnr_db is not None:
        wanted = [_AT + (floor.psnr_db - activity.psnr_db) / _PSNR_SLOPE]
    if floor.ssim is not None:
        wanted.append(_AT + (fidelity.ssim_db(floor.ssim) - activity.ssim_db) / _SSIM_SLOPE)
    return _like_avif(codec, round(min(95.0, max(10.0, *wanted))))


def _like_avif(codec: str, wanted: int) -> int:
    """Find the quality of a codec that is about as coarse as one of AVIF."""
    coarse = level("avif", wanted)
    return min(range(10, 96), key=lambda quality: abs(level(codec, quality) - coarse))


def _gray(pixels: Pixels) -> Pixels:
    if pixels.ndim == 2:
        return pixels
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY))
