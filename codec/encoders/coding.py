"""Coding levels: how coarse a codec is at a quality, on one scale for all restorers."""

from typing import Final

import numpy as np

LOSSLESS: Final = 0
"""Level of pixels without lossy coding."""

# Qualities of a codec, and AVIF qualities with about the same error on photographs (mean PSNR of
# twelve photographs shrunk to half).
_LIKE_AVIF: Final = {
    "webp": ((0, 10, 30, 50, 70, 80, 90, 100), (20, 29, 42, 50, 58, 66, 82, 96)),
    "jpeg": ((0, 10, 20, 30, 50, 70, 80, 90, 100), (5, 13, 30, 38, 46, 55, 63, 80, 100)),
    "jxl": ((0, 10, 20, 30, 50, 70, 80, 90, 100), (5, 16, 27, 36, 42, 50, 56, 70, 96)),
}
_AVIF_SHIFT: Final = 8
"""Quality steps by which AVIF is finer when tuned for a measure, as here, than for appearance, as
when the scale was defined: mean over 36 images."""


def level(codec: str, quality: int) -> int:
    """Return the coding level of a rendition.

    Args:
        codec: ``avif``, ``webp``, ``jpeg`` or ``jxl``.
        quality: quality of the encoder, 0 to 100.

    Returns:
        0 (lossless) to 200 (coarsest).
    """
    if codec in _LIKE_AVIF:
        return round(2 * (100 - float(np.interp(quality, *_LIKE_AVIF[codec]))))
    return 2 * max(0, 100 - quality - _AVIF_SHIFT)


def alike(codec: str, quality: int) -> range:
    """Return the qualities that give the same file.

    AVIF has 64 quantizers for 101 qualities, assigned by libavif as here.

    Args:
        codec: ``avif``, ``webp``, ``jpeg`` or ``jxl``.
        quality: quality of the encoder, 0 to 100.
    """
    if codec != "avif":
        return range(quality, quality + 1)
    same = [each for each in range(101) if _quantizer(each) == _quantizer(quality)]
    return range(same[0], same[-1] + 1)


def _quantizer(quality: int) -> int:
    return ((100 - quality) * 63 + 50) // 100
