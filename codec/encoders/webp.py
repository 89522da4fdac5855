"""Encode and decode renditions as WebP, lossy or lossless (RFC 9649)."""

from typing import Final

import numpy as np
from PIL import Image, features

from slimgate.codec.encoders import pillow
from slimgate.codec.encoders.settings import EncoderSettings
from slimgate.codec.image.pixels import Pixels

MIME: Final = "image/webp"
MAX_SIDE: Final = 16_383  # RFC 9649, 2.5 and 3.4: sides have 14 bits

_LOSSLESS_QUALITY: Final = 75  # libwebp's effort; 100 is many times slower for one percent


def installed() -> bool:
    """Return whether Pillow was built with WebP."""
    return bool(features.check("webp"))


def encode(pixels: Pixels, settings: EncoderSettings) -> bytes:
    """Encode pixels so that viewers show them like the upload.

    Args:
        pixels: uint8, (height, width[, 3 or 4]).
        settings: subsampling, always 4:2:0 in lossy WebP, and tune are ignored.
    """
    return pillow.save(
        _coloured(pixels),
        "WEBP",
        orientation=settings.orientation,
        quality=settings.quality,
        alpha_quality=100,
        method=_method(settings.speed),
        exact=True,  # colours under transparent alpha are also measured
        icc_profile=settings.icc or b"",
    )


def encode_lossless(
    pixels: Pixels, *, speed: int, icc: bytes | None = None, orientation: int = 1
) -> bytes:
    """Encode pixels without loss; further arguments are encoder settings."""
    return pillow.save(
        _coloured(pixels),
        "WEBP",
        orientation=orientation,
        lossless=True,
        quality=_LOSSLESS_QUALITY,
        method=_method(speed),
        exact=True,
        icc_profile=icc or b"",
    )


def read(
    data: bytes,
    *,
    mode: str,
    width: int,
    height: int,
    threads: int = 1,  # of all codecs
) -> Pixels:
    """Decode a rendition of known mode and size.

    Returns:
        uint8, (height, width) for mode ``L``, else (height, width, 3 or 4).

    Raises:
        Undecodable: the rendition does not match the manifest.
        OSError, ValueError, SyntaxError: the rendition is damaged.
    """
    stored = "RGB" if mode == "L" else mode
    pixels = pillow.read_with_alpha(data, "WEBP", mode=stored, width=width, height=height)
    # Fixed-point luma of equal channels is exactly their value.
    return np.asarray(Image.fromarray(pixels).convert("L")) if mode == "L" else pixels


def icc_profile(data: bytes) -> bytes | None:
    """Return the colour profile of a rendition.

    Raises:
        OSError, ValueError, SyntaxError: the rendition is damaged.
    """
    return pillow.icc_profile(data, "WEBP")


def _coloured(pixels: Pixels) -> Pixels:
    # WebP has no gray mode; equal channels have a chroma that costs almost nothing.
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)


def _method(speed: int) -> int:
    return min(6, max(0, 12 - speed))
