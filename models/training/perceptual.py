"""SSIMULACRA2 in torch: the same measure as of files, with gradients, to train for.

Borders, scales and weights are those of :mod:`slimgate.codec.measures.ssimulacra2`. Patches that
are too small for a scale lack its part of the error, instead of shifting the weights of the others
as the scores of small images do: patches of any size then teach the same.
"""

from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slimgate.models.training import renditions
from slimgate.models.training.network import LEVELS

_RADIUS: Final = 5
_SIGMA: Final = 1.5
_SMALLEST: Final = 8  # pixels on each side of a scale that counts
_C2: Final = 0.0009
_LEAST: Final = 1e-30  # mean fourth power; below, the gradient of its root has no bounds


class _Plane(NamedTuple):
    """A channel of a batch at one scale: values, and their mean in the window, (n, h, w)."""

    values: Tensor
    mean: Tensor


def error(restored: Tensor, full: Tensor) -> Tensor:
    """Return the weighted sum of all maps' norms, per image: 4 at a score of about 60.

    Args:
        restored: float, (n, 3, h, w), in 1/256 of a pixel value; clipped here, not rounded.
        full: the originals, likewise.

    Raises:
        ValueError: images are smaller than 8 pixels on a side.
    """
    if min(full.shape[-2:]) < _SMALLEST:
        raise ValueError(f"images of {tuple(full.shape[-2:])} pixels are too small for a score")
    weights = renditions.score_weights()
    total = full.new_zeros(len(full))
    light, other = _linear(full), _linear(restored)
    for scale in range(_last(full.shape[-2:]) + 1):
        wanted = np.asarray(weights[:, scale].any(axis=(1, 2)))
        pairs = zip(_planes(light, wanted), _planes(other, wanted), strict=True)
        for pair, table in zip(pairs, weights[wanted, scale], strict=True):
            total = total + _weighted(*pair, table)
        light, other = _halved(light), _halved(other)
    return total * renditions.SCORE_ERROR_UNIT


def score(restored: Tensor, full: Tensor) -> Tensor:
    """Return the scores of images, at most 100.

    Args:
        restored: float, (n, 3, h, w), in 1/256 of a pixel value, at least 225 pixels on each side:
            smaller images lack scales.
        full: the originals, likewise.
    """
    missing = error(restored, full)
    cubic, square, linear = renditions.SCORE_POLYNOMIAL
    shaped = ((cubic * missing + square) * missing + linear) * missing
    return 100 - 10 * shaped.clamp(min=0) ** renditions.SCORE_POWER


def _weighted(one: _Plane, other: _Plane, weights: renditions.Doubles) -> Tensor:
    """Return the weighted norms of a channel's maps at one scale, per image."""
    total = one.values.new_zeros(len(one.values))
    for number, values in _maps(one, other, weights):
        mean, fourth = weights[:, number]
        if mean:
            total = total + float(mean) * values.mean(dim=(-2, -1))
        if fourth:
            powers = (values * values).square().mean(dim=(-2, -1))
            total = total + float(fourth) * powers.clamp(min=_LEAST) ** 0.25
    return total


def _maps(one: _Plane, other: _Plane, weights: renditions.Doubles) -> Iterator[tuple[int, Tensor]]:
    """Yield those of the three maps that have a weight: structure, artifacts, lost detail."""
    structure, *edges = np.asarray(weights.any(axis=0))
    if structure:
        yield 0, _structure(one, other)
    if any(edges):
        ours, theirs = ((each.values - each.mean).abs() for each in (one, other))
        stronger = (1 + theirs) / (1 + ours) - 1
        for number, (needed, sign) in enumerate(zip(edges, (1, -1), strict=True), start=1):
            if needed:
                yield number, (sign * stronger).clamp(min=0)


def _structure(one: _Plane, other: _Plane) -> Tensor:
    apart = (one.mean - other.mean).square()
    unlike = _blurred((one.values - other.values).square()) - apart
    unlike = unlike / (_variance(one) + _variance(other) + _C2)
    return (apart + (1 - apart) * unlike).clamp(min=0)


def _variance(plane: _Plane) -> Tensor:
    return _blurred(plane.values.square()) - plane.mean.square()


def _linear(pixels: Tensor) -> Tensor:
    """Return linear light, of which white is 1, of sRGB pixels (IEC 61966-2-1)."""
    values = (pixels * (LEVELS / 255)).clamp(0, 1)
    # The power of dark values is not used; kept off zero, its gradient stays finite.
    curved = ((values.clamp(min=0.04) + 0.055) / 1.055) ** 2.4
    return torch.where(values <= 0.04045, values / 12.92, curved)


def _halved(light: Tensor) -> Tensor:
    """Average 2x2 pixels; an odd last row or column counts twice."""
    height, width = light.shape[-2:]
    even = torch.nn.functional.pad(light, (0, width % 2, 0, height % 2), mode="replicate")
    return torch.nn.functional.avg_pool2d(even, 2)


def _planes(light: Tensor, wanted: npt.NDArray[np.bool_]) -> Iterator[_Plane]:
    """Yield the wanted channels of XYB, shifted and scaled to about 0 to 1, with their means."""
    cones = torch.as_tensor(renditions.ABSORBANCE).to(light)
    cones = cones if wanted[renditions.B] else cones[:2]
    dark = cones[0, 3]
    responses = torch.einsum("cp,nphw->cnhw", cones[:, :3], light) + dark
    long, medium, *short = (responses ** (1 / 3) - dark ** (1 / 3)).unbind()
    luma = (long + medium) * 0.5
    if wanted[renditions.X]:
        yield _averaged((long - medium) * 7 + 0.42)
    if wanted[renditions.Y]:
        yield _averaged(luma + 0.01)
    if wanted[renditions.B]:
        yield _averaged(short[0] - luma + 0.55)


def _averaged(values: Tensor) -> _Plane:
    return _Plane(values, _blurred(values))


def _blurred(values: Tensor) -> Tensor:
    """Blur (n, h, w) with zeros left and right, and rows mirrored above and below."""
    height, width = values.shape[-2:]
    rows, columns = _window(height, mirrored=True), _window(width, mirrored=False)
    return rows.to(values) @ values @ columns.to(values).T


@cache
def _window(length: int, *, mirrored: bool) -> Tensor:
    """Return the Gaussian window as a matrix: multiplying is quicker than thin convolutions."""
    offsets = torch.arange(-_RADIUS, _RADIUS + 1)
    taps = torch.exp(-(offsets**2).double() / (2 * _SIGMA**2))
    taps = taps / taps.sum()
    matrix = torch.zeros(length, length, dtype=torch.float64)
    for row in range(length):
        for offset, tap in zip((offsets + row).tolist(), taps, strict=True):
            within = -1 - offset if offset < 0 else min(offset, 2 * length - 1 - offset)
            if mirrored or within == offset:
                matrix[row, within] += tap
    return matrix


def _last(shape: torch.Size) -> int:
    """Return the last scale whose sides are long enough and that has a weight."""
    used = np.nonzero(renditions.score_weights().any(axis=(0, 2, 3)))[0]
    return max(scale for scale in used.tolist() if -(-min(shape) >> scale) >= _SMALLEST)
