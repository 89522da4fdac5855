"""Resize images strip by strip, to bound Pillow's temporary memory.

Pillow stores RGB in four bytes per pixel and makes one or two copies. Each strip is resized with
the neighbouring rows that the filter needs, so its rows equal those of the whole image resized at
once.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from slimgate.models.engine.network import Pixels

_MARGIN: Final = 4
"""Rows around a strip, in units of ``step`` rows: bicubic filters need 2, Lanczos filters 3."""

_PIXELS: Final = 2**18
"""Input pixels of a strip without its margin."""


def resize(pixels: Pixels, resizer: Callable[[Pixels], Pixels], *, step: int, scale: int) -> Pixels:
    """Resize an image by ``scale / step``.

    Args:
        pixels: uint8, (height * step, width * step[, 3]).
        resizer: maps (h * step, width * step[, 3]) to (h * scale, width * scale[, 3]); a filter
            with a radius of at most ``_MARGIN`` steps that filters along rows first for any h.
        step: integer factor by which the image is already enlarged.
        scale: integer factor of the result.

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
