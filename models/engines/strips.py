"""Resize images strip by strip, so that what Pillow needs meanwhile is no multiple of the image.

Pillow keeps RGB in four bytes per pixel and makes one or two copies on the way. Each strip is
resized together with the rows around it that count, so that its rows are those of the whole image
resized at once.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from models.engine.network import Pixels

_MARGIN: Final = 4
"""Rows around a strip, in units of ``step`` rows: bicubic filters need 2, Lanczos filters 3."""

_PIXELS: Final = 2**18
"""Pixels of a strip, before and without its margin."""


def resize(pixels: Pixels, resizer: Callable[[Pixels], Pixels], *, step: int, scale: int) -> Pixels:
    """Resize an image by ``scale / step``.

    Args:
        pixels: uint8, (height * step, width * step[, 3]).
        resizer: Turns (h * step, width * step[, 3]) into (h * scale, width * scale[, 3]): a filter
            that reaches no further than ``_MARGIN`` steps, along the rows first whatever h is.
        step: Whole factor by which the image is enlarged already.
        scale: Whole factor by which it shall be enlarged instead.

    Returns:
        uint8, (height * scale, width * scale[, 3]), writable.
    """
    height, width = (length // step for length in pixels.shape[:2])
    full = np.empty((height * scale, width * scale, *pixels.shape[2:]), np.uint8)
    rows = max(_MARGIN, _PIXELS // (width * step * step))
    for first in range(0, height, rows):
        last = min(first + rows, height)
        above = max(0, first - _MARGIN)
        strip = resizer(pixels[above * step : (last + _MARGIN) * step])
        top = (first - above) * scale
        full[first * scale : last * scale] = strip[top : top + (last - first) * scale]
    return full
