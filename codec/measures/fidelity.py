"""Compare a restored image with the upload: PSNR, of the worst block too, SSIM and ORB similarity.

PSNR and SSIM equal scikit-image's (``peak_signal_noise_ratio`` and ``structural_similarity`` with
``gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255``); they are
computed with OpenCV in bands, so that memory stays bounded for any image.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from codec.image.pixels import Pixels
from codec.measures.key_points import KeyPoints

PERFECT_PSNR_DB: Final = 99.99
"""What identical pixels are given, where the formula has no finite value."""

MIN_SIDE: Final = 11
"""Smallest side on which SSIM is defined: the width of its Gaussian window."""

_RADIUS: Final = 5  # scikit-image truncates its Gaussian at 3.5 sigma: int(3.5 * 1.5 + 0.5)
_SIGMA: Final = 1.5
_C1: Final = (0.01 * 255) ** 2
_C2: Final = (0.03 * 255) ** 2
_BAND_ROWS: Final = 256  # so that what is computed on stays near the processor
_BLOCK: Final = 64
_LUMA: Final = np.array([[0.299, 0.587, 0.114]])  # ITU-R BT.601

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How much of an image survived.

    Attributes:
        psnr_db: Peak signal-to-noise ratio over all samples, dB; at most ``PERFECT_PSNR_DB``.
        ssim: Mean structural similarity of luma, at most 1.
        orb: Share of ORB key points found again, 0 to 1.
    """

    psnr_db: float
    ssim: float
    orb: float


def psnr(original: Pixels, restored: Pixels) -> float:
    """Give the peak signal-to-noise ratio in dB.

    With alpha, colour and alpha are measured apart and the worse one counts: an opaque alpha must
    not make up for ruined colours.

    Args:
        original: uint8, (height, width[, channels]).
        restored: Same shape and dtype.
    """
    if original.ndim == 3 and original.shape[2] == 4:
        colour = psnr(original[..., :3], restored[..., :3])
        return min(colour, psnr(original[..., 3], restored[..., 3]))
    squares = sum(
        float(cv2.norm(original[band], restored[band], cv2.NORM_L2SQR)) for band in _bands(original)
    )
    if squares == 0:
        return PERFECT_PSNR_DB
    return min(PERFECT_PSNR_DB, 10 * math.log10(255 * 255 * original.size / squares))


def block_psnr(original: Pixels, restored: Pixels) -> float:
    """Give the PSNR in dB of the worst block of 64x64 pixels, so that no ruin is averaged away.

    The last blocks of a row and of a column overlap those before them, so that all are whole; a
    side that is shorter than a block is one block wide. Colour and alpha are measured apart.

    Args:
        original: uint8, (height, width[, channels]).
        restored: Same shape and dtype.
    """
    if original.ndim == 3 and original.shape[2] == 4:
        colour = block_psnr(original[..., :3], restored[..., :3])
        return min(colour, block_psnr(original[..., 3], restored[..., 3]))
    height, width = original.shape[:2]
    side = min(_BLOCK, height), min(_BLOCK, width)
    columns = np.array(_block_starts(width))
    worst = 0.0
    for top in _block_starts(height):
        rows = slice(top, top + side[0])
        squares = np.square(cv2.absdiff(original[rows], restored[rows]), dtype=np.uint16)
        by_column = squares.reshape(side[0], width, -1).sum(axis=(0, 2), dtype=np.uint64)
        upto = np.concatenate([[0], by_column.cumsum()])
        worst = max(worst, float((upto[columns + side[1]] - upto[columns]).max()))
    if worst == 0:
        return PERFECT_PSNR_DB
    samples = side[0] * side[1] * (original.size // (height * width))
    return min(PERFECT_PSNR_DB, 10 * math.log10(255 * 255 * samples / worst))


def ssim(original: Pixels, restored: Pixels) -> float:
    """Give the mean structural similarity of luma (and of alpha, when that is worse).

    Args:
        original: uint8, (height, width[, channels]), at least ``MIN_SIDE`` on each side.
        restored: Same shape and dtype.

    Raises:
        ValueError: The image is smaller than the window.
    """
    height, width = original.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise ValueError(
            f"SSIM needs at least {MIN_SIDE} pixels on each side, not {width}x{height}"
        )
    if original.ndim == 3 and original.shape[2] == 4:
        alpha = ssim(np.ascontiguousarray(original[..., 3]), np.ascontiguousarray(restored[..., 3]))
        return min(alpha, ssim(original[..., :3], restored[..., :3]))
    total = 0.0
    for top in range(_RADIUS, height - _RADIUS, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, height - _RADIUS)
        rows = slice(top - _RADIUS, bottom + _RADIUS)
        similarity = _ssim_map(_luma(original[rows]), _luma(restored[rows]))
        total += float(similarity[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS].sum())
    return total / float((height - 2 * _RADIUS) * (width - 2 * _RADIUS))


def ssim_db(value: float) -> float:
    """Give what a similarity lacks to 1 in dB, which grows evenly as PSNR does: 0.93 is 11.5."""
    return -10 * math.log10(max(1 - value, 1e-9))


def orb(original: Pixels, restored: Pixels) -> float:
    """Return the share of ORB key points that find a cross-checked match within 50 of 256 bits.

    See :mod:`codec.measures.key_points`; of an image with too few of them the share says little,
    and floors look at the worst block instead (:func:`codec.measures.floors.applied`).

    Args:
        original: uint8, (height, width[, channels]).
        restored: Same shape and dtype.
    """
    return KeyPoints.of(original).found_in(restored).share


def measure(original: Pixels, restored: Pixels) -> Fidelity:
    """Take all three measures."""
    return Fidelity(
        psnr_db=psnr(original, restored),
        ssim=ssim(original, restored),
        orb=orb(original, restored),
    )


def _block_starts(length: int) -> list[int]:
    return [*range(0, max(length - _BLOCK, 0), _BLOCK), max(length - _BLOCK, 0)]


def _bands(pixels: Pixels) -> Iterator[slice]:
    return (slice(top, top + _BAND_ROWS) for top in range(0, pixels.shape[0], _BAND_ROWS))


def _luma(pixels: Pixels) -> _Floats:
    values = pixels.astype(np.float64)
    return values if values.ndim == 2 else np.asarray(cv2.transform(values, _LUMA))


def _blur(values: _Floats) -> _Floats:
    size = (2 * _RADIUS + 1, 2 * _RADIUS + 1)
    blurred = cv2.GaussianBlur(values, size, _SIGMA, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred)


def _ssim_map(x: _Floats, y: _Floats) -> _Floats:
    # Wang et al. 2004, equation 13, with population covariance.
    mean_x, mean_y = _blur(x), _blur(y)
    product = mean_x * mean_y
    squares = mean_x * mean_x + mean_y * mean_y
    variances = _blur(x * x + y * y) - squares
    covariance = _blur(x * y) - product
    numerator = (2 * product + _C1) * (2 * covariance + _C2)
    return np.asarray(numerator / ((squares + _C1) * (variances + _C2)))
