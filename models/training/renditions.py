"""The interface to ``codec``: training uses renditions exactly as the gateway creates them.

No other module of ``models`` shrinks, codes or measures images.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from slimgate.codec.encoders import EncoderSettings, Tune, by_name, coding
from slimgate.codec.image import resample
from slimgate.codec.measures import ssimulacra2_weights, structure
from slimgate.codec.measures.orb import KeyPoints
from slimgate.codec.measures.psnr import psnr
from slimgate.codec.measures.ssim import exact as ssim
from slimgate.codec.measures.ssimulacra2 import Reference
from slimgate.codec.measures.ssimulacra2_weights import ERROR_UNIT as SCORE_ERROR_UNIT
from slimgate.codec.measures.ssimulacra2_weights import POLYNOMIAL as SCORE_POLYNOMIAL
from slimgate.codec.measures.ssimulacra2_weights import POWER as SCORE_POWER
from slimgate.codec.measures.xyb import ABSORBANCE, B, X, Y
from slimgate.codec.restore.restore import Upscaler
from slimgate.codec.search import shrinking

__all__ = [
    "ABSORBANCE",
    "SCORE_ERROR_UNIT",
    "SCORE_POLYNOMIAL",
    "SCORE_POWER",
    "B",
    "Doubles",
    "Judge",
    "Measures",
    "Pixels",
    "Tune",
    "X",
    "Y",
    "decode",
    "encode",
    "level",
    "psnr",
    "score_weights",
    "shrink",
    "ssim",
]

Pixels = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

_SPEED: Final = 8  # the encoder speed of renditions at low effort


def shrink(pixels: Pixels, scale: int, restorer: Upscaler | None = None) -> Pixels:
    """Shrink RGB pixels by an integer factor, 1 to 4, like renditions.

    Args:
        pixels: uint8, (height, width, 3).
        scale: integer factor.
        restorer: shrinks as it prefers; None: Lanczos's filter alone.
    """
    if restorer is None:
        return resample.shrunk(pixels, scale)
    return shrinking.shrunk(pixels, scale, "any", lambda _: restorer)


def level(codec: str, quality: int) -> int:
    """Return the coding level for restorers, 0 to 255."""
    return coding.level(codec, quality)


@dataclass(frozen=True, slots=True)
class Measures:
    """Likeness of a restored image.

    Attributes:
        score: SSIMULACRA2.
        worst: SSIMULACRA2 of the worst region.
        ms_ssim: MS-SSIM of luma; 1 for images that are too small for it.
        orb: share of ORB key points that match.
    """

    score: float
    worst: float
    ms_ssim: float
    orb: float


class Judge:
    """Measures restored images against an original.

    Args:
        original: uint8, (height, width, 3), at least 11 pixels on each side.
    """

    def __init__(self, original: Pixels) -> None:
        self._original = original
        self._reference = Reference(original)
        self._key_points = KeyPoints.of(original)

    def measures(self, restored: Pixels) -> Measures:
        """Measure a restored image.

        Args:
            restored: uint8, (height, width, 3).
        """
        score = self._reference.compare(restored)
        similar = structure.compare(self._original, restored).ms_ssim
        share = self._key_points.found_in(restored).share
        return Measures(score.whole, score.worst, 1.0 if similar is None else similar, share)


def score_weights() -> Doubles:
    """Return the weights of SSIMULACRA2: (channels, scales, norms, maps)."""
    return ssimulacra2_weights.table(ssimulacra2_weights.SCALES)


def encode(
    pixels: Pixels, codec: str, quality: int, subsampling: str, *, tune: Tune = "ssim"
) -> bytes:
    """Encode pixels as a rendition.

    Args:
        pixels: uint8, (height, width, 3).
        codec: ``avif``, ``webp``, ``jxl`` or ``jpeg``.
        quality: 0 to 100.
        subsampling: ``4:4:4`` or ``4:2:0``, if the codec supports both.
        tune: measure to optimize, if the codec has a choice.
    """
    settings = EncoderSettings(quality=quality, subsampling=subsampling, speed=_SPEED, tune=tune)
    return by_name(codec).encode(pixels, settings)


def decode(data: bytes, codec: str, *, width: int, height: int) -> Pixels:
    """Decode a result of :func:`encode`: uint8, (height, width, 3)."""
    return by_name(codec).read(data, mode="RGB", width=width, height=height)
