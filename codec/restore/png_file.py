"""Write PNG files of restored pixels."""

from typing import Final

import numpy as np
from imagecodecs import deflate_encode, png_encode
from PIL import Image

from slimgate.codec.containers import png
from slimgate.codec.image.flatten import flattened
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.image.resample import join_planes, split_planes
from slimgate.codec.image.saving import save
from slimgate.codec.manifest import Output
from slimgate.codec.restore.png_filters import filtered, smallest_sums

_FILTERED: Final = 10
"""Level, of libdeflate, at which rows are filtered here: 5 to 7 % fewer bytes than zlib's level 9,
in half the time. Older manifests have that one."""


def write(pixels: Pixels, output: Output, _size: int) -> bytes:
    """Write a file that has no metadata and is not padded.

    Args:
        pixels: uint8, (height, width[, channels]).
        output: parameters.

    Raises:
        OSError, ValueError: no encoder accepts the parameters.
    """
    if output.near:
        # Where much is flat, no filter is best, but Pillow would not choose it.
        flat = flattened(pixels, output.near)
        return _deflated(flat, bytes(flat.shape[0]), output)
    steps = rounded(pixels, output.step)
    if output.quality == _FILTERED:
        return _deflated(steps, smallest_sums(_stored(steps, output)), output)
    if output.deep:
        return bytes(png_encode(steps.astype(np.uint16) * 257, output.quality))
    return save(Image.fromarray(steps), "PNG", compress_level=output.quality)


def _stored(pixels: Pixels, output: Output) -> Pixels:
    """Return pixels as bytes of the file: (height, width[, bytes of a pixel])."""
    height, width = pixels.shape[:2]
    return np.repeat(pixels.reshape(height, width, -1), 2, axis=2) if output.deep else pixels


def _deflated(pixels: Pixels, filters: bytes, output: Output) -> bytes:
    height, width = pixels.shape[:2]
    rows = b"".join(filtered(_stored(pixels, output), filters))
    stream = bytes(deflate_encode(rows, output.quality))
    channels, depth = pixels.size // (width * height), 16 if output.deep else 8
    return png.make_file((width, height), channels, [stream], depth)


def rounded(pixels: Pixels, step: int) -> Pixels:
    """Round colours to multiples of a step; black, white and alpha are unchanged."""
    if step == 1:
        return pixels
    nearest = (np.arange(256) + step // 2) // step * step
    table = np.minimum(nearest, 255).astype(np.uint8)
    colour, *alpha = split_planes(pixels)
    return join_planes([table[colour], *alpha])
