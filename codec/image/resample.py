"""Shrink pixels by an integer factor, as restorers expect."""

import numpy as np
from PIL import Image

from slimgate.codec.image.pixels import Pixels


def small_size(width: int, height: int, scale: int) -> tuple[int, int]:
    """Return (width, height) of an image shrunk by ``scale``, rounded up."""
    return -(-width // scale), -(-height // scale)


def shrunk(pixels: Pixels, scale: int) -> Pixels:
    """Return the pixels that a rendition of that scale encodes: at full size, unchanged."""
    return pixels if scale == 1 else downscale(pixels, scale)


def downscale(pixels: Pixels, scale: int) -> Pixels:
    """Shrink an image with Lanczos-3 by an integer factor.

    Edges are first repeated up to a multiple of the factor, so that result pixels are exactly
    ``scale`` apart in the original, and the restored image is not shifted. Colour and alpha are
    resampled
    separately: Pillow would premultiply alpha and lose hidden colours.

    Args:
        pixels: uint8, (height, width[, channels]).
        scale: integer factor, 2 or more.

    Returns:
        uint8, (ceil(height / scale), ceil(width / scale)[, channels]).
    """
    target = small_size(pixels.shape[1], pixels.shape[0], scale)
    planes = split_planes(padded(pixels, scale))
    return join_planes([_shrink(plane, target) for plane in planes])


def padded(pixels: Pixels, scale: int) -> Pixels:
    """Repeat the right and lower edge up to a multiple of the factor."""
    height, width = pixels.shape[:2]
    margins = [(0, -height % scale), (0, -width % scale)]
    if height % scale == width % scale == 0:
        return pixels  # uncopied: uploads are large
    return np.pad(pixels, margins + [(0, 0)] * (pixels.ndim - 2), mode="edge")


def split_planes(pixels: Pixels) -> list[Pixels]:
    """Split RGBA into colour and alpha; leave gray and RGB whole."""
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return [np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3])]
    return [pixels]


def join_planes(planes: list[Pixels]) -> Pixels:
    """Join the planes of :func:`split_planes`."""
    return planes[0] if len(planes) == 1 else np.dstack(planes)


def _shrink(plane: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS))
