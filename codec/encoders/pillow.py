"""Shared code of the codecs that use Pillow."""

import numpy as np
from PIL import ExifTags, Image

from slimgate.codec.image import saving
from slimgate.codec.image.pixels import Pixels, decode, opened


def save(pixels: Pixels, format_: str, *, orientation: int, **options: object) -> bytes:
    """Encode pixels as a file whose EXIF contains only the orientation.

    Args:
        pixels: uint8, (height, width[, 3 or 4]).
        format_: Pillow's name of the format.
        orientation: EXIF orientation; 1 needs no EXIF.
        options: options of Pillow's encoder.
    """
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    described = {"exif": exif.tobytes()} if orientation != 1 else {}
    return saving.save(Image.fromarray(pixels), format_, **described, **options)


def read_with_alpha(
    data: bytes, format_: str, *, mode: str, width: int, height: int, threads: int = 1
) -> Pixels:
    """Decode a file whose encoder drops an opaque alpha plane.

    Returns:
        uint8, (height, width) for mode ``L``, else (height, width, 3 or 4).

    Raises:
        Undecodable: the file differs from the expected properties.
        OSError, ValueError, SyntaxError: the file is damaged.
    """
    if mode == "RGBA" and _mode(data, format_) == "RGB":
        colour = decode(
            data, format_=format_, mode="RGB", width=width, height=height, threads=threads
        )
        return np.dstack([colour, np.full((height, width), 255, np.uint8)])
    return decode(data, format_=format_, mode=mode, width=width, height=height, threads=threads)


def icc_profile(data: bytes, format_: str) -> bytes | None:
    """Return the colour profile of a file.

    Raises:
        OSError, ValueError, SyntaxError: the file is damaged.
    """
    with opened(data, format_) as image:
        profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile else None


def _mode(data: bytes, format_: str) -> str:
    with opened(data, format_) as image:
        return image.mode
