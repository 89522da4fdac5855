"""A model of AV1 with gradients: what it keeps of an image, and how many bits that takes.

The real encoder codes every batch, but has no gradients. Passing them around it as if it kept
everything (a straight-through estimator) teaches a downscaler to add detail that the encoder throws
away: bytes at equal score then rise instead of falling by 8 %. So gradients pass only where a
coefficient is large enough to survive its quantizer.

Coefficients are those of a DCT of YCbCr (ITU-T T.871) in blocks of a fixed size; the real encoder
chooses sizes and predicts blocks from their neighbours.
"""

from functools import cache
from typing import Final

import numpy as np
import torch
from torch import Tensor

from slimgate.models.training.network import LEVELS
from slimgate.models.training.settings import BLOCK

_YCBCR: Final = torch.tensor(
    [
        [0.299, 0.587, 0.114],
        [-0.168736, -0.331264, 0.5],
        [0.5, -0.418688, -0.081312],
    ]
)
_RGB: Final = torch.linalg.inv(_YCBCR)

# AV1's table of quantizers for AC coefficients of 8 bits (AV1 specification, 7.12.2), thinned out.
_INDICES: Final = (0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 220, 240, 255)
_STEPS: Final = (4, 24, 44, 64, 84, 105, 145, 188, 243, 323, 446, 675, 1160, 1828)

_KEPT_SIDE: Final = 8  # of blocks for what survives
_KEPT_RISE: Final = 1.5  # of steps with the square of frequency
_HALF: Final = 0.5  # steps; smaller coefficients are rounded to zero
_SHARPNESS: Final = 10.0  # of the transition from lost to kept

_BITS_STEP: Final = 0.5  # of the quantizer's; fitted to sizes of real files, like the others
_BITS_RISE: Final = 2.0
_LEAST_BITS: Final = 20.0  # of an image; keeps ratios of flat ones finite
_SLOPES: Final = ((25, 40, 60, 80, 95), (0.38, 0.52, 0.75, 0.84, 0.88))


def survivors(pixels: Tensor, quality: int) -> Tensor:
    """Return what of an image an encoder keeps; for gradients alone.

    The result is linear in the pixels: coefficients below half a step do not count, nor do they
    get gradients. Means of blocks always survive.

    Args:
        pixels: float, (n, 3, h, w), in 1/256; sides are multiples of 8.
        quality: of AVIF, 0 to 100.
    """
    found = _coefficients(pixels, _KEPT_SIDE)
    steps = found.detach().abs() / _steps(quality, _KEPT_SIDE, _KEPT_RISE).to(pixels)
    kept = torch.sigmoid(_SHARPNESS * (steps - _HALF))
    kept[..., 0, 0] = 1
    return _image(found * kept)


def bits(pixels: Tensor, quality: int) -> Tensor:
    """Estimate the bits of images but for a factor: (n,).

    Over sharpened, blurred and noisy versions of an image, logarithms of estimates and of the sizes
    of real files correlate by 0.97. Means of blocks, which a downscaler hardly changes, do not
    count.

    Args:
        pixels: float, (n, 3, h, w), in 1/256; sides are multiples of 16.
        quality: of AVIF, 0 to 100.
    """
    steps = _coefficients(pixels, BLOCK) / (
        _BITS_STEP * _steps(quality, BLOCK, _BITS_RISE).to(pixels)
    )
    each = 0.5 * torch.log2(1 + steps.square())
    return each.sum(dim=(1, 2, 3, 4, 5)) - each[..., 0, 0].sum(dim=(1, 2, 3)) + _LEAST_BITS


def growth(changed: Tensor, plain: Tensor, quality: int) -> Tensor:
    """Estimate the logarithm of the ratio of two images' bytes: (n,).

    Files have parts that the estimate lacks, the more so the smaller they are; a factor by quality
    accounts for them.

    Args:
        changed: float, (n, 3, h, w), in 1/256; sides are multiples of 16.
        plain: the images to compare with, likewise.
        quality: of AVIF, 0 to 100.
    """
    slope = float(np.interp(quality, *_SLOPES))
    return slope * torch.log(bits(changed, quality) / bits(plain, quality))


def _steps(quality: int, side: int, rise: float) -> Tensor:
    """Return the quantizer's steps by frequency, in 1/256 of a pixel value: (side, side)."""
    # libavif: 63 to 0 for qualities 0 to 100, and about four indices of AV1 to each.
    quantizer = ((100 - quality) * 63 + 50) // 100
    index = min(255, quantizer * 4 + (3 if quantizer >= 60 else 0))
    step = float(np.interp(index, _INDICES, _STEPS)) / 8 / LEVELS
    frequency = torch.arange(side) / side
    return step * (1 + rise * (frequency[:, None].square() + frequency.square()))


def _coefficients(pixels: Tensor, side: int) -> Tensor:
    """Return the DCT of YCbCr: (n, 3, rows, columns, side, side)."""
    planes = torch.einsum("cp,nphw->nchw", _YCBCR.to(pixels), pixels)
    blocks = planes.unflatten(3, (-1, side)).unflatten(2, (-1, side)).transpose(3, 4)
    transform = _dct(side).to(pixels)
    return transform @ blocks @ transform.T


def _image(coefficients: Tensor) -> Tensor:
    """Return the pixels of coefficients, (n, 3, h, w)."""
    transform = _dct(coefficients.shape[-1]).to(coefficients)
    blocks = transform.T @ coefficients @ transform
    planes = blocks.transpose(3, 4).flatten(4, 5).flatten(2, 3)
    return torch.einsum("cp,nphw->nchw", _RGB.to(coefficients), planes)


@cache
def _dct(side: int) -> Tensor:
    """Return the orthonormal DCT-II as a matrix: (frequencies, positions)."""
    frequency, position = torch.arange(side)[:, None], torch.arange(side)
    matrix = torch.cos(torch.pi * (2 * position + 1) * frequency / (2 * side))
    matrix[0] /= 2**0.5
    return matrix * (2 / side) ** 0.5
