"""The interface to ``codec``: training uses renditions exactly as the gateway creates them.

No other module of ``models`` shrinks, codes or measures images.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from slimgate.codec.encoders import EncoderSettings, Tune, by_name, coding
from slimgate.codec.image import resample
from slimgate.codec.measures.psnr import psnr
from slimgate.codec.measures.ssim import exact as ssim

__all__ = ["Pixels", "Tune", "decode", "encode", "level", "psnr", "shrink", "ssim"]

Pixels = npt.NDArray[np.uint8]

_SPEED: Final = 8  # the encoder speed of renditions at low effort


def shrink(pixels: Pixels, scale: int) -> Pixels:
    """Shrink RGB pixels by an integer factor, 1 to 4, like renditions."""
    return pixels if scale == 1 else resample.downscale(pixels, scale)


def level(codec: str, quality: int) -> int:
    """Return the coding level for restorers, 0 to 255."""
    return coding.level(codec, quality)


def encode(
    pixels: Pixels, codec: str, quality: int, subsampling: str, *, tune: Tune = "ssim"
) -> bytes:
    """Encode pixels as a rendition.

    Args:
        pixels: uint8, (height, width, 3).
        codec: ``avif``, ``webp``, ``jxl`` or ``jpeg``.
        quality: 0 to 100.
        subsampling: ``4:4:4`` or ``4:2:0``, if the codec supports both.
        tune: ``ssim`` or ``psnr``, if the codec supports both.
    """
    settings = EncoderSettings(quality=quality, subsampling=subsampling, speed=_SPEED, tune=tune)
    return by_name(codec).encode(pixels, settings)


def decode(data: bytes, codec: str, *, width: int, height: int) -> Pixels:
    """Decode a result of :func:`encode`: uint8, (height, width, 3)."""
    return by_name(codec).read(data, mode="RGB", width=width, height=height)
