"""Write and read renditions as AVIF."""

import io
from typing import Final

import numpy as np
from PIL import Image

from codec.pixels import Pixels, decode, opened

MIME: Final = "image/avif"
_ORIENTATION_TAG: Final = 0x0112  # EXIF 2.32, table 4


def encode(
    pixels: Pixels,
    quality: int,
    *,
    subsampling: str,
    speed: int,
    icc: bytes | None = None,
    orientation: int = 1,
) -> bytes:
    """Encode pixels so that any viewer shows them as the upload looked.

    Args:
        pixels: uint8, (height, width[, 3 or 4]).
        quality: 0 (smallest) to 100.
        subsampling: ``4:4:4``, ``4:2:2`` or ``4:2:0``; gray is always written without chroma.
        speed: 0 (smallest file) to 10 (fastest).
        icc: Colour profile to embed.
        orientation: EXIF orientation to embed as a property; the pixels stay as they are.
    """
    exif = Image.Exif()
    if orientation != 1:
        exif[_ORIENTATION_TAG] = orientation
    target = io.BytesIO()
    Image.fromarray(pixels).save(
        target,
        "AVIF",
        quality=quality,
        subsampling="4:0:0" if pixels.ndim == 2 else subsampling,
        speed=speed,
        max_threads=1,  # one worker process per core already
        autotiling=False,
        icc_profile=icc or b"",
        exif=exif if orientation != 1 else b"",
    )
    return target.getvalue()


def read(data: bytes, *, mode: str, width: int, height: int) -> Pixels:
    """Decode a rendition of which mode and size are known.

    Returns:
        uint8, (height, width) for mode ``L``, else (height, width, 3 or 4).

    Raises:
        Undecodable: It is not what the manifest says.
        OSError, ValueError, SyntaxError: It is damaged.
    """
    if mode == "RGBA" and _mode(data) == "RGB":
        # libavif leaves out an alpha plane that is opaque throughout.
        colour = decode(data, format_="AVIF", mode="RGB", width=width, height=height)
        return np.dstack([colour, np.full((height, width), 255, np.uint8)])
    return decode(data, format_="AVIF", mode=mode, width=width, height=height)


def icc_profile(data: bytes) -> bytes | None:
    """Give the colour profile that a rendition carries.

    Raises:
        OSError, ValueError, SyntaxError: It is damaged.
    """
    with opened(data, "AVIF") as image:
        profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile else None


def _mode(data: bytes) -> str:
    with opened(data, "AVIF") as image:
        return image.mode
