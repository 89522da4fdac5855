"""The border to the package ``codec``: training sees renditions exactly as the gateway makes them.

Nothing else in ``models`` knows how an image is shrunk, coded and measured.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from codec.encoders import by_name, coding, registry
from codec.image import resample
from codec.measures.psnr import psnr
from codec.measures.ssim import exact as ssim

__all__ = ["Pixels", "Tune", "decode", "encode", "level", "psnr", "shrink", "ssim"]

Pixels = npt.NDArray[np.uint8]
Tune = registry.Tune

_SPEED: Final = 8  # what renditions are written with where no policy asks for more


def shrink(pixels: Pixels, scale: int) -> Pixels:
    """Shrink RGB pixels by a whole factor, 1 to 4, as renditions are shrunk."""
    return pixels if scale == 1 else resample.downscale(pixels, scale)


def level(codec: str, quality: int) -> int:
    """Say how coarse a rendition is coded, as restorers are told: 0 to 255."""
    return coding.level(codec, quality)


def encode(
    pixels: Pixels, codec: str, quality: int, subsampling: str, *, tune: Tune = "ssim"
) -> bytes:
    """Encode pixels as a rendition.

    Args:
        pixels: uint8, (height, width, 3).
        codec: ``avif``, ``webp``, ``jxl`` or ``jpeg``.
        quality: 0 to 100.
        subsampling: ``4:4:4`` or ``4:2:0``, where the codec has a choice.
        tune: ``ssim`` or ``psnr``, where the codec has a choice.
    """
    return by_name(codec).encode(pixels, quality, subsampling=subsampling, speed=_SPEED, tune=tune)


def decode(data: bytes, codec: str, *, width: int, height: int) -> Pixels:
    """Decode what :func:`encode` gave: uint8, (height, width, 3)."""
    return by_name(codec).read(data, mode="RGB", width=width, height=height)
