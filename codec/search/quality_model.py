"""Guess from a few statistics of an image which quality will hold a floor.

The guess costs a hundredth of an encoding and is right to about six steps of quality; trials do the
rest. It also tells how much easier to code a sample is than its image.
"""

import math
from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np

from codec.encoders import Tune
from codec.encoders.coding import level
from codec.image.pixels import Pixels
from codec.measures import ssim
from config import Floor

_AT: Final = 50
# Least-squares fits to AVIF (speed 8, 4:4:4) at quality 50 on 36 images of open licences: PSNR, of
# an encoder that looks at it, from the logarithm of the mean gradient with an error of 0.9 dB;
# -10 log10(1 - SSIM), in the same way, from that and the share of flat pixels with one of 1.2 dB;
# and the means of their slopes.
_PSNR_FIT: Final = (42.25, -2.87)
_SSIM_FIT: Final = (0.8, 2.35, 11.85)
_PSNR_SLOPE: Final = 0.22
_SSIM_SLOPE: Final = 0.19
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
    wanted = _wanted(activity, floor).values()
    return _like_avif(codec, round(min(95.0, max(10.0, *(wanted or [_AT])))))


def tune(activity: Activity, floor: Floor) -> Tune:
    """Guess which measure is the harder to hold: that one an encoder should look at."""
    wanted = _wanted(activity, floor)
    return "ssim" if wanted.get("ssim", 0.0) > wanted.get("psnr", 0.0) else "psnr"


def _wanted(activity: Activity, floor: Floor) -> dict[Tune, float]:
    """Give the quality of AVIF that each measure asks for."""
    wanted: dict[Tune, float] = {}
    if floor.psnr_db is not None:
        wanted["psnr"] = _AT + (floor.psnr_db - activity.psnr_db) / _PSNR_SLOPE
    if floor.ssim is not None:
        wanted["ssim"] = _AT + (ssim.decibels(floor.ssim) - activity.ssim_db) / _SSIM_SLOPE
    return wanted


def _like_avif(codec: str, wanted: int) -> int:
    """Find the quality of a codec that is about as coarse as one of AVIF."""
    if codec == "avif":
        return wanted
    coarse = level("avif", wanted)
    return min(range(10, 96), key=lambda quality: abs(level(codec, quality) - coarse))


def _gray(pixels: Pixels) -> Pixels:
    if pixels.ndim == 2:
        return pixels
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY))
