"""Encode and decode renditions as JPEG: larger than the others, but universally supported."""

from typing import Final

from PIL import features

from slimgate.codec.encoders import pillow
from slimgate.codec.encoders.settings import EncoderSettings
from slimgate.codec.image.pixels import Pixels, decode

MIME: Final = "image/jpeg"
MAX_SIDE: Final = 65_500  # libjpeg's JPEG_MAX_DIMENSION


def installed() -> bool:
    """Return whether Pillow was built with JPEG."""
    return bool(features.check("jpg"))


def encode(pixels: Pixels, settings: EncoderSettings) -> bytes:
    """Encode pixels so that viewers show them like the upload.

    Args:
        pixels: uint8, (height, width[, 3]).
        settings: speed and tune are ignored.
    """
    options: dict[str, object] = {} if pixels.ndim == 2 else {"subsampling": settings.subsampling}
    return pillow.save(
        pixels,
        "JPEG",
        orientation=settings.orientation,
        quality=settings.quality,
        progressive=True,  # smaller, and displayed earlier
        icc_profile=settings.icc or b"",
        **options,
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
        uint8, (height, width) for mode ``L``, (height, width, 3) for ``RGB``.

    Raises:
        Undecodable: the rendition does not match the manifest.
        OSError, ValueError, SyntaxError: the rendition is damaged.
    """
    return decode(data, format_="JPEG", mode=mode, width=width, height=height)


def icc_profile(data: bytes) -> bytes | None:
    """Return the colour profile of a rendition.

    Raises:
        OSError, ValueError, SyntaxError: the rendition is damaged.
    """
    return pillow.icc_profile(data, "JPEG")
