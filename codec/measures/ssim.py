"""Structural similarity of luma: exact, quick, and as factors for other measures.

Source: Wang et al. 2004, "Image quality assessment", equation 13, with population covariance. The
exact variant equals scikit-image's ``structural_similarity`` with ``gaussian_weights=True,
sigma=1.5, use_sample_covariance=False, data_range=255``. The quick one uses single precision and
takes a quarter of the time. Both are computed in bands to bound memory.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.threads import ALONE, Threads

MIN_SIDE: Final = 11
"""Smallest side for SSIM: the width of its Gaussian window."""

QUICK_ERROR: Final = 1e-4
"""Maximum error of the quick variant: a few millionths on photographs, and at most half of this on
black and white areas that differ by one."""

_RADIUS: Final = 5  # scikit-image truncates its Gaussian at 3.5 sigma: int(3.5 * 1.5 + 0.5)
_INNER: Final = np.s_[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
_C1: Final = (0.01 * 255) ** 2
_C2: Final = (0.03 * 255) ** 2
_LUMA: Final = np.array([[0.299, 0.587, 0.114]])  # ITU-R BT.601

Plane = npt.NDArray[np.floating]
"""Values of one channel, (height, width)."""

Rows = Callable[[slice], Plane]
"""Returns some rows of a plane."""


@dataclass(frozen=True, slots=True)
class Precision:
    """Arithmetic of the computation.

    Attributes:
        dtype: type of values and results.
        band_rows: rows per band, so that a band fits into the CPU cache.
        centred: subtract the mean of a band, so that variances, which are differences of squares,
            keep their digits.
    """

    dtype: type[np.floating]
    band_rows: int
    centred: bool

    def luma(self, pixels: Pixels) -> Plane:
        """Return BT.601 luma of gray or RGB pixels, not rounded."""
        values = pixels.astype(self.dtype)
        return values if values.ndim == 2 else np.asarray(cv2.transform(values, _LUMA))

    def blur(self, values: Plane) -> Plane:
        """Return the means under the window, with mirrored borders."""
        depth = cv2.CV_64F if self.dtype is np.float64 else cv2.CV_32F
        kernel = cv2.getGaussianKernel(2 * _RADIUS + 1, 1.5, depth)
        blurred = cv2.sepFilter2D(values, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT)
        return np.asarray(blurred)


EXACT: Final = Precision(np.float64, band_rows=256, centred=False)
QUICK: Final = Precision(np.float32, band_rows=128, centred=True)


class Factors(NamedTuple):
    """Factors of similarity in a band, as numerators and denominators, border included."""

    luminance: Plane
    luminance_below: Plane
    contrast: Plane
    contrast_below: Plane

    @property
    def similarities(self) -> Plane:
        """Return the similarity under each whole window."""
        similarities = self.luminance * self.contrast
        similarities /= self.luminance_below * self.contrast_below
        return np.asarray(similarities[_INNER])

    @property
    def contrasts(self) -> Plane:
        """Return the contrast-structure term under each whole window."""
        return np.asarray((self.contrast / self.contrast_below)[_INNER])


def exact(original: Pixels, restored: Pixels) -> float:
    """Return the mean structural similarity of luma, or of alpha where that is worse.

    Args:
        original: uint8, (height, width[, channels]), at least ``MIN_SIDE`` on each side.
        restored: same shape and dtype.

    Raises:
        ValueError: the image is smaller than the window.
    """
    return _mean(original, restored, EXACT, ALONE)


def quick(original: Pixels, restored: Pixels, threads: Threads = ALONE) -> float:
    """Return the same as :func:`exact`, within ``QUICK_ERROR``.

    Args:
        original: uint8, (height, width[, channels]), at least ``MIN_SIDE`` on each side.
        restored: same shape and dtype.
        threads: compare bands beside each other.

    Raises:
        ValueError: the image is smaller than the window.
    """
    return _mean(original, restored, QUICK, threads)


def decibels(value: float) -> float:
    """Return the distance of a similarity to 1 in dB, linear like PSNR: 0.93 is 11.5."""
    return -10 * math.log10(max(1 - value, 1e-9))


def bands(x: Rows, y: Rows, size: tuple[int, int], precision: Precision) -> Iterator[Factors]:
    """Yield the factors, band by band.

    Args:
        x: rows of one plane.
        y: rows of the other.
        size: height and width of both.
        precision: arithmetic.
    """
    for rows in _rows(size[0], precision):
        yield _factors(x(rows), y(rows), precision)


def _rows(height: int, precision: Precision) -> Iterator[slice]:
    """Yield the rows of each band, with those that its windows reach."""
    for top in range(_RADIUS, height - _RADIUS, precision.band_rows):
        bottom = min(top + precision.band_rows, height - _RADIUS)
        yield slice(top - _RADIUS, bottom + _RADIUS)


def windows(size: tuple[int, int]) -> float:
    """Return the number of whole windows in a plane of this height and width."""
    height, width = size
    return float((height - 2 * _RADIUS) * (width - 2 * _RADIUS))


def _mean(original: Pixels, restored: Pixels, precision: Precision, threads: Threads) -> float:
    height, width = size = original.shape[:2]
    if min(size) < MIN_SIDE:
        raise ValueError(
            f"SSIM needs at least {MIN_SIDE} pixels on each side, not {width}x{height}"
        )
    if original.ndim == 3 and original.shape[2] == 4:
        alpha = _mean(original[..., 3], restored[..., 3], precision, threads)
        return min(alpha, _mean(original[..., :3], restored[..., :3], precision, threads))
    x, y = (_lumas(pixels, precision) for pixels in (original, restored))

    def summed(rows: slice) -> float:
        similarities = _factors(x(rows), y(rows), precision).similarities
        return float(similarities.sum(dtype=np.float64))

    return sum(threads.map(summed, _rows(height, precision))) / windows(size)


def _lumas(pixels: Pixels, precision: Precision) -> Rows:
    return lambda rows: precision.luma(pixels[rows])


def _factors(x: Plane, y: Plane, precision: Precision) -> Factors:
    """Compute the factors, in place to save memory traffic."""
    middle = precision.dtype(round(cv2.mean(x)[0]) if precision.centred else 0)
    if middle:
        x -= middle
        y -= middle
    mean_x, mean_y = precision.blur(x), precision.blur(y)
    product = mean_x * mean_y
    squares = mean_x * mean_x + mean_y * mean_y
    variances = precision.blur(x * x + y * y) - squares
    covariance = precision.blur(x * y) - product
    if middle:
        # Back to means that are not centred.
        shift = (mean_x + mean_y) * middle + middle * middle
        product += shift
        squares += 2 * shift
    product *= 2
    product += precision.dtype(_C1)
    squares += precision.dtype(_C1)
    covariance *= 2
    covariance += precision.dtype(_C2)
    variances += precision.dtype(_C2)
    return Factors(product, squares, covariance, variances)
