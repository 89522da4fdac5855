"""Settings of one rendition's encoder."""

from dataclasses import dataclass
from typing import Literal

Tune = Literal["psnr", "ssim", "ssimulacra2"]
"""Measure that an encoder optimizes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """Settings that all codecs understand; each ignores those that it does not support.

    Attributes:
        quality: 0 (smallest) to 100, on the codec's scale.
        subsampling: ``4:4:4``, ``4:2:2`` or ``4:2:0``; gray has no chroma.
        speed: 0 (smallest file) to 10 (fastest).
        tune: measure to optimize.
        icc: colour profile to embed.
        orientation: EXIF orientation to embed; pixels are not rotated.
    """

    quality: int
    subsampling: str
    speed: int
    tune: Tune = "ssim"
    icc: bytes | None = None
    orientation: int = 1
