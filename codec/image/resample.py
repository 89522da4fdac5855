"""Shrink pixels by a whole factor, the way that restorers expect."""

import numpy as np
from PIL import Image

from codec.image.pixels import Pixels


def small_size(width: int, height: int, scale: int) -> tuple[int, int]:
    """Give (width, height) of an image shrunk by ``scale``: every started block counts."""
    return -(-width // scale), -(-height // scale)


def shrunk(pixels: Pixels, scale: int) -> Pixels:
    """Give what a rendition of that scale is encoded from: the pixels themselves at full size."""
    return pixels if scale == 1 else downscale(pixels, scale)


def downscale(pixels: Pixels, scale: int) -> Pixels:
    """Shrink an image with Lanczos-3 by a whole factor.

    Edges are repeated up to a multiple of the factor first, so that the pixels of the result stand
    exactly ``scale`` apart in the original and the restored image is not shifted. Colour and alpha
    are resampled apart: Pillow would weigh colour by alpha and lose hidden colours.

    Args:
        pixels: uint8, (height, width[, channels]).
        scale: Whole factor, 2 or more.

    Returns:
        uint8, (ceil(height / scale), ceil(width / scale)[, channels]).
    """
    height, width = pixels.shape[:2]
    target = small_size(width, height, scale)
    margins = [(0, target[1] * scale - height), (0, target[0] * scale - width)]
    padded = np.pad(pixels, margins + [(0, 0)] * (pixels.ndim - 2), mode="edge")
    return join_planes([_shrink(plane, target) for plane in split_planes(padded)])


def split_planes(pixels: Pixels) -> list[Pixels]:
    """Split RGBA into colour and alpha; leave gray and RGB whole."""
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return [np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3])]
    return [pixels]


def join_planes(planes: list[Pixels]) -> Pixels:
    """Put together again what :func:`split_planes` took apart."""
    return planes[0] if len(planes) == 1 else np.dstack(planes)


def _shrink(plane: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS))
