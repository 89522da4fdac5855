"""Recognize colour profiles of sRGB, which viewers assume for images without a profile."""

import io
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image, ImageCms

_LONGEST: Final = 64 << 10  # bytes; profiles of cameras and editors have up to 10 KiB
_LEVELS: Final = (0, 8, 17, 34, 51, 85, 119, 153, 187, 221, 238, 255)
_CLOSE: Final = 1  # of 255: the tables of a common profile are rounded


@lru_cache(maxsize=64)
def is_srgb(profile: bytes) -> bool:
    """Return whether a colour profile shows RGB images as sRGB, to a level of 255.

    Args:
        profile: ICC profile, untrusted.
    """
    if len(profile) > _LONGEST or profile[16:20] != b"RGB ":
        return False
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        shown = ImageCms.profileToProfile(
            _colours(), source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        return False
    if shown is None:
        return False
    change = np.asarray(shown, np.int16) - np.asarray(_colours(), np.int16)
    return bool(np.abs(change).max() <= _CLOSE)


def _colours() -> Image.Image:
    levels = np.array(_LEVELS, np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    return Image.fromarray(grid.reshape(len(levels), -1, 3))
