"""SSIM and MS-SSIM of luma, computed together.

SSIM is :func:`slimgate.codec.measures.ssim.exact`. MS-SSIM follows Wang, Simoncelli and Bovik 2003,
"Multi-scale structural similarity for image quality assessment": the same Gaussian window at each
scale, whole windows only, halving by the mean of 2x2 pixels (dropping an odd last row or column),
exponents of section 3.2. Both are computed in bands to bound memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import ssim
from slimgate.codec.measures.ssim import Plane, Rows

MIN_SIDE: Final = 176
"""Smallest side for five scales: the window has 11 pixels at the coarsest."""

_WEIGHTS: Final = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_BAND_ROWS: Final = 256  # even, so that a halved band is a band of the halved image


@dataclass(frozen=True, slots=True)
class Structure:
    """SSIM and MS-SSIM, at most 1.

    Attributes:
        ssim: at full resolution; None where a side is below 11 pixels.
        ms_ssim: at five scales; None where a side is below ``MIN_SIDE``.
    """

    ssim: float | None
    ms_ssim: float | None


def compare(original: Pixels, restored: Pixels) -> Structure:
    """Compare luma, or alpha where that is worse.

    Args:
        original: uint8, (height, width[, channels]).
        restored: same shape and dtype.
    """
    if original.ndim == 3 and original.shape[2] == 4:
        colour = compare(original[..., :3], restored[..., :3])
        alpha = compare(original[..., 3], restored[..., 3])
        return Structure(_worse(colour.ssim, alpha.ssim), _worse(colour.ms_ssim, alpha.ms_ssim))
    height, width = original.shape[:2]
    if min(height, width) < ssim.MIN_SIDE:
        return Structure(None, None)
    scales = _scales(original, restored, 5 if min(height, width) >= MIN_SIDE else 1)
    sums = [_means(*pair) for pair in scales]
    similarity = sums[0][0]
    if len(sums) == 1:
        return Structure(similarity, None)
    contrasts = [max(contrast, 0.0) for _, contrast in sums[:-1]]
    factors = [*contrasts, max(sums[-1][0], 0.0)]
    powers = (value**weight for value, weight in zip(factors, _WEIGHTS, strict=True))
    return Structure(similarity, float(np.prod([*powers])))


def _worse(first: float | None, second: float | None) -> float | None:
    return first if first is None or second is None else min(first, second)


def _scales(
    original: Pixels, restored: Pixels, count: int
) -> Iterator[tuple[Rows, Rows, tuple[int, int]]]:
    """Yield, per scale, row readers of both images, and height and width."""
    rows: tuple[Rows, Rows] = _lumas(original), _lumas(restored)
    height, width = original.shape[:2]
    yield (*rows, (height, width))
    for _ in range(count - 1):
        halves = tuple(_halved(each, height, width) for each in rows)
        rows = _slices(halves[0]), _slices(halves[1])
        height, width = halves[0].shape
        yield (*rows, (height, width))


def _lumas(pixels: Pixels) -> Rows:
    return lambda rows: ssim.EXACT.luma(pixels[rows])


def _slices(plane: Plane) -> Rows:
    return lambda rows: np.asarray(plane[rows])


def _halved(rows: Rows, height: int, width: int) -> Plane:
    half = np.empty((height // 2, width // 2))
    for top in range(0, height // 2 * 2, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, height // 2 * 2)
        band = rows(slice(top, bottom))[:, : width // 2 * 2]
        half[top // 2 : bottom // 2] = (
            band[::2, ::2] + band[::2, 1::2] + band[1::2, ::2] + band[1::2, 1::2]
        ) / 4
    return half


def _means(x_rows: Rows, y_rows: Rows, size: tuple[int, int]) -> tuple[float, float]:
    """Return the means of similarity and of its part without luminance, over whole windows."""
    similarity = contrast = 0.0
    for factors in ssim.bands(x_rows, y_rows, size, ssim.EXACT):
        similarity += float(factors.similarities.sum())
        contrast += float(factors.contrasts.sum())
    count = ssim.windows(size)
    return similarity / count, contrast / count
