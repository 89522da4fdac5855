"""Structural similarity at one scale and at five: SSIM and MS-SSIM of luma, from the same sums.

SSIM equals ``codec.measures.fidelity.ssim`` and with it scikit-image's. MS-SSIM is that of Wang,
Simoncelli and Bovik 2003, "Multi-scale structural similarity for image quality assessment": the
same Gaussian window at each scale, only whole windows, halved by the mean of 2x2 pixels (an odd
last row or column is left out), the exponents of its section 3.2. Both are computed in bands, so
that memory stays bounded.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from codec.image.pixels import Pixels

MIN_SIDE: Final = 176
"""Smallest side on which five scales are defined: the window has 11 pixels at the last one."""

_WEIGHTS: Final = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_RADIUS: Final = 5
_SIGMA: Final = 1.5
_C1: Final = (0.01 * 255) ** 2
_C2: Final = (0.03 * 255) ** 2
_BAND_ROWS: Final = 256  # even: halves of bands are bands of halves
_LUMA: Final = np.array([[0.299, 0.587, 0.114]])  # ITU-R BT.601

_Floats = npt.NDArray[np.float64]
_Rows = Callable[[slice], _Floats]


@dataclass(frozen=True, slots=True)
class Structure:
    """Both similarities, at most 1.

    Attributes:
        ssim: At the image's own scale; None where a side is below 11 pixels.
        ms_ssim: At five scales; None where a side is below ``MIN_SIDE``.
    """

    ssim: float | None
    ms_ssim: float | None


def compare(original: Pixels, restored: Pixels) -> Structure:
    """Measure luma, and alpha where that is worse.

    Args:
        original: uint8, (height, width[, channels]).
        restored: Same shape and dtype.
    """
    if original.ndim == 3 and original.shape[2] == 4:
        colour = compare(original[..., :3], restored[..., :3])
        alpha = compare(original[..., 3], restored[..., 3])
        return Structure(_worse(colour.ssim, alpha.ssim), _worse(colour.ms_ssim, alpha.ms_ssim))
    height, width = original.shape[:2]
    if min(height, width) <= 2 * _RADIUS:
        return Structure(None, None)
    scales = _scales(original, restored, 5 if min(height, width) >= MIN_SIDE else 1)
    sums = [_means(*pair) for pair in scales]
    ssim = sums[0][0]
    if len(sums) == 1:
        return Structure(ssim, None)
    contrasts = [max(contrast, 0.0) for _, contrast in sums[:-1]]
    factors = [*contrasts, max(sums[-1][0], 0.0)]
    powers = (value**weight for value, weight in zip(factors, _WEIGHTS, strict=True))
    return Structure(ssim, float(np.prod([*powers])))


def luma(pixels: Pixels) -> _Floats:
    """Give BT.601 luma of gray or RGB pixels, not rounded."""
    values = pixels.astype(np.float64)
    return values if values.ndim == 2 else np.asarray(cv2.transform(values, _LUMA))


def _worse(first: float | None, second: float | None) -> float | None:
    return first if first is None or second is None else min(first, second)


def _scales(
    original: Pixels, restored: Pixels, count: int
) -> Iterator[tuple[_Rows, _Rows, tuple[int, int]]]:
    """Give rows of both images on demand, and height and width, scale by scale."""
    rows: tuple[_Rows, _Rows] = _lumas(original), _lumas(restored)
    height, width = original.shape[:2]
    yield (*rows, (height, width))
    for _ in range(count - 1):
        halves = tuple(_halved(each, height, width) for each in rows)
        rows = _slices(halves[0]), _slices(halves[1])
        height, width = halves[0].shape
        yield (*rows, (height, width))


def _lumas(pixels: Pixels) -> _Rows:
    return lambda rows: luma(pixels[rows])


def _slices(plane: _Floats) -> _Rows:
    return lambda rows: np.asarray(plane[rows])


def _halved(rows: _Rows, height: int, width: int) -> _Floats:
    half = np.empty((height // 2, width // 2))
    for top in range(0, height // 2 * 2, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, height // 2 * 2)
        band = rows(slice(top, bottom))[:, : width // 2 * 2]
        half[top // 2 : bottom // 2] = (
            band[::2, ::2] + band[::2, 1::2] + band[1::2, ::2] + band[1::2, 1::2]
        ) / 4
    return half


def _means(x_rows: _Rows, y_rows: _Rows, size: tuple[int, int]) -> tuple[float, float]:
    """Give the means of similarity and of its part without luminance, over whole windows."""
    height, width = size
    similarity = contrast = 0.0
    for top in range(_RADIUS, height - _RADIUS, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, height - _RADIUS)
        rows = slice(top - _RADIUS, bottom + _RADIUS)
        luminance, rest = _parts(x_rows(rows), y_rows(rows))
        inner = np.s_[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
        contrast += float(rest[inner].sum())
        similarity += float((luminance[inner] * rest[inner]).sum())
    count = float((height - 2 * _RADIUS) * (width - 2 * _RADIUS))
    return similarity / count, contrast / count


def _parts(x: _Floats, y: _Floats) -> tuple[_Floats, _Floats]:
    # Wang et al. 2004, equations 6 and 9 with C3 = C2 / 2, with population covariance.
    mean_x, mean_y = _blur(x), _blur(y)
    product = mean_x * mean_y
    squares = mean_x * mean_x + mean_y * mean_y
    variances = _blur(x * x + y * y) - squares
    covariance = _blur(x * y) - product
    luminance = (2 * product + _C1) / (squares + _C1)
    return np.asarray(luminance), np.asarray((2 * covariance + _C2) / (variances + _C2))


def _blur(values: _Floats) -> _Floats:
    size = (2 * _RADIUS + 1, 2 * _RADIUS + 1)
    blurred = cv2.GaussianBlur(values, size, _SIGMA, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred)
