"""Restorers without a network: interpolation, the baseline for networks.

Pillow resamples 8-bit pixels in fixed-point arithmetic (``Resample.c``: 22 fractional bits, rounded
to nearest), so the result is the same on every machine.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

_FILTERS: Final = {
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


class Interpolation:
    """Enlarges with a classical filter.

    Args:
        name: ``bicubic`` (a = -0.5) or ``lanczos`` (three lobes).
    """

    def __init__(self, name: str) -> None:
        self._filter = _FILTERS[name]

    def upscale(
        self, pixels: npt.NDArray[np.uint8], scale: int, *, level: int = 0
    ) -> npt.NDArray[np.uint8]:
        """Enlarge an image.

        Args:
            pixels: uint8, (height, width) or (height, width, 3).
            scale: integer factor, 1 or more.
            level: coding level; ignored.

        Returns:
            uint8, (height * scale, width * scale[, 3]).
        """
        del level
        height, width = pixels.shape[:2]
        image = Image.fromarray(pixels).resize((width * scale, height * scale), self._filter)
        return np.asarray(image)

    def refine(
        self, small: npt.NDArray[np.uint8], full: npt.NDArray[np.uint8], scale: int
    ) -> npt.NDArray[np.uint8]:
        """Return a shrunk image as it is."""
        del full, scale
        return small
