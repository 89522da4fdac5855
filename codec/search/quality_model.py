"""Predict from image statistics which quality will hold a floor.

The prediction costs a hundredth of an encoding, and is within about six steps of quality; trials do
the rest. It also estimates how much easier to code a sample is than its image.
"""

import math
from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np

from slimgate.codec.encoders import Tune
from slimgate.codec.encoders.coding import level
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import ssim, ssimulacra2
from slimgate.config import Floor

_AT: Final = 50
# Least-squares fits to AVIF (speed 8, 4:4:4) at quality 50 on 36 images of open licences: PSNR,
# when tuned for it, from the logarithm of the mean gradient, with an error of 0.9 dB; likewise
# -10 log10(1 - SSIM), from that and the share of flat pixels, with an error of 1.2 dB; and mean
# slopes.
_PSNR_FIT: Final = (42.25, -2.87)
_SSIM_FIT: Final = (0.8, 2.35, 11.85)
_PSNR_SLOPE: Final = 0.22
_SSIM_SLOPE: Final = 0.19
# SSIMULACRA2 as -10 log10(100 - score), of an encoder tuned for SSIM: from the same two, with an
# error of 0.85 dB or 6 to 7 steps of quality, on 39 images of 13 classes at scores of 55 to 90; and
# the mean of their slopes.
_SCORE_FIT: Final = (-19.73, 1.07, 3.70)
_SCORE_SLOPE: Final = 0.135
_FLAT: Final = 2  # of 255; invisible, and within camera noise


@dataclass(frozen=True, slots=True)
class Activity:
    """Statistics of coding difficulty.

    Attributes:
        gradient: natural logarithm of the mean step between neighbours, of 255, horizontal plus
            vertical.
        flat: share of pixels that are almost equal to their right neighbour.
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
        """Return the expected PSNR at AVIF quality 50, dB."""
        return _PSNR_FIT[0] + _PSNR_FIT[1] * self.gradient

    @property
    def ssim_db(self) -> float:
        """Return the expected SSIM at AVIF quality 50, as -10 log10(1 - SSIM), dB."""
        return _SSIM_FIT[0] + _SSIM_FIT[1] * self.gradient + _SSIM_FIT[2] * self.flat

    @property
    def score_db(self) -> float:
        """Return the expected SSIMULACRA2 at AVIF quality 50, as -10 log10(100 - score), dB."""
        return _SCORE_FIT[0] + _SCORE_FIT[1] * self.gradient + _SCORE_FIT[2] * self.flat


def quality(activity: Activity, floor: Floor, codec: str) -> int:
    """Return the lowest quality expected to hold.

    Args:
        activity: statistics of the pixels to encode.
        floor: minimum fidelity.
        codec: name of the codec.

    Returns:
        A quality of that codec, 10 to 95.
    """
    wanted = _wanted(activity, floor).values()
    return _like_avif(codec, round(min(95.0, max(10.0, *(wanted or [_AT])))))


def tune(activity: Activity, floor: Floor) -> Tune:
    """Return the measure expected to be harder to hold, which an encoder should optimize."""
    wanted = _wanted(activity, floor)
    return "ssim" if wanted.get("ssim", 0.0) > wanted.get("psnr", 0.0) else "psnr"


def _wanted(activity: Activity, floor: Floor) -> dict[Tune, float]:
    """Return the AVIF quality that each measure needs."""
    wanted: dict[Tune, float] = {}
    if floor.psnr_db is not None:
        wanted["psnr"] = _AT + (floor.psnr_db - activity.psnr_db) / _PSNR_SLOPE
    if floor.ssim is not None:
        wanted["ssim"] = _AT + (ssim.decibels(floor.ssim) - activity.ssim_db) / _SSIM_SLOPE
    if floor.ssimulacra2 is not None:
        lacking = ssimulacra2.decibels(floor.ssimulacra2) - activity.score_db
        # An encoder that looks at SSIM takes 3 to 4 % fewer bytes for the same score.
        wanted["ssim"] = max(wanted.get("ssim", 0.0), _AT + lacking / _SCORE_SLOPE)
    return wanted


def _like_avif(codec: str, wanted: int) -> int:
    """Return the quality of a codec that is about as coarse as an AVIF quality."""
    if codec == "avif":
        return wanted
    coarse = level("avif", wanted)
    return min(range(10, 96), key=lambda quality: abs(level(codec, quality) - coarse))


def _gray(pixels: Pixels) -> Pixels:
    if pixels.ndim == 2:
        return pixels
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY))
