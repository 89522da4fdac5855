"""SSIMULACRA2, a perceptual measure of the difference of two images.

100 is no visible difference, 90 visually lossless, 70 high, 50 medium, 30 low quality.

Source: J. Sneyers (Cloudinary), SSIMULACRA 2.1, in libjxl 0.11, tools/ssimulacra2.cc: at each of
six scales, three maps (structure, artifacts, lost detail) of each channel of XYB, their means and
4-norms. This implementation uses single precision and a true Gaussian instead of a recursive one,
and omits maps with negligible weights. Borders are those of the package ssimulacra2 0.3; libjxl
reads zeros above and below an image, and scores small images about a point higher.

The same norms are taken of regions, so that one destroyed word or face is not averaged away.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import regions, xyb
from slimgate.codec.measures import ssimulacra2_weights as weights
from slimgate.codec.measures.regions import Doubles, Edges, Strip
from slimgate.codec.measures.ssimulacra2_weights import SCALES
from slimgate.codec.measures.xyb import Floats

REGION: Final = 128
"""Side of separately scored regions, pixels."""

SMALLEST: Final = 8
"""Smallest side of an image, and of a scale that counts."""

ERROR: Final = 0.005
"""Maximum error against the package ``ssimulacra2``: 0.0014 on 112 pairs of images."""

Light = Callable[[Pixels, slice], Floats]
"""Returns linear light of some rows of an image."""

_C2: Final = np.float32(0.0009)
_RADIUS: Final = 5
_KERNEL: Final = cv2.getGaussianKernel(2 * _RADIUS + 1, 1.5, cv2.CV_32F)
_BACKGROUNDS: Final = (0.1, 0.9)
"""sRGB values behind transparent images; the worse score counts."""

_HALO: Final = 96
"""Rows beside a strip that affect its maps: the radius of the Gaussian at the fifth scale (the
sixth is negligible), and a multiple of what one row covers there."""

STRIP_PIXELS: Final = 4_000_000
"""Pixels compared at a time, plus a halo."""

KEPT_PIXELS: Final = 12_000_000
"""Largest image with a cached reference, at about 28 bytes per pixel; larger ones are recomputed
each time."""


def decibels(score: float) -> float:
    """Return the distance of a score to 100 in dB, linear in a codec's quality: 70 is -15.

    Args:
        score: at most 100; distances below 0.1 count as 0.1.
    """
    return -10 * math.log10(max(100 - score, 0.1))


class Score(NamedTuple):
    """SSIMULACRA2 of two images.

    Attributes:
        whole: score of the whole image, at most 100; below 0 beyond recognition.
        worst: lowest score of a region.
    """

    whole: float
    worst: float


@dataclass(frozen=True, slots=True)
class _Plane:
    """A channel at one scale, with precomputed statistics."""

    channel: int
    scale: int
    values: Floats
    mean: Floats
    variance: Floats

    @classmethod
    def of(cls, channel: int, scale: int, values: Floats) -> "_Plane":
        mean = _blurred(values)
        return cls(channel, scale, values, mean, _blurred(values * values) - mean * mean)


class Reference:
    """A reference image of comparisons, with cached statistics.

    Args:
        pixels: uint8, (height, width[, channels]): gray, RGB or RGBA, at least 8 on each side.
        light: returns linear light of some rows of opaque pixels, of which white is 1; None: sRGB.
    """

    def __init__(self, pixels: Pixels, light: Light | None = None) -> None:
        height, width = pixels.shape[:2]
        if min(height, width) < SMALLEST:
            raise ValueError(f"an image of {width}x{height} pixels is too small for SSIMULACRA2")
        self._pixels, self._light = pixels, light
        self._rows, self._columns = Edges.of(height, REGION), Edges.of(width, REGION)
        self._needed = weights.table(_scales(height, width)) > 0
        self._kept: dict[tuple[int, float | None], Sequence[_Plane]] = {}
        self._keeps = height * width <= KEPT_PIXELS

    def compare(self, restored: Pixels) -> Score:
        """Compare an image with the reference.

        Args:
            restored: same shape and dtype.
        """
        scores = [self._compare(restored, each) for each in _backgrounds(self._pixels, restored)]
        return Score(min(each.whole for each in scores), min(each.worst for each in scores))

    def worst_region(self, restored: Pixels) -> tuple[int, int]:
        """Return the top and the left edge of the region with the lowest score, pixels.

        Args:
            restored: same shape and dtype.
        """
        backgrounds = _backgrounds(self._pixels, restored)
        scores = np.min([self._regions(self._sums(restored, b)) for b in backgrounds], axis=0)
        row, column = divmod(int(scores.argmin()), len(self._columns.starts))
        return self._rows.starts[row], self._columns.starts[column]

    def _compare(self, restored: Pixels, background: float | None) -> Score:
        return self._score(self._sums(restored, background))

    def _sums(self, restored: Pixels, background: float | None) -> Doubles:
        """Return sums of the norms of all maps: channel, scale, norm, map, region."""
        shape = (*self._needed.shape, len(self._rows.starts), len(self._columns.starts))
        sums = np.zeros(shape)
        for strip in self._rows.strips(STRIP_PIXELS // self._columns.length, _HALO):
            light = self._linear(restored, strip.seen, background)
            ours = self._prepared(strip, background)
            for one, other in zip(ours, _planes(light, self._needed), strict=True):
                self._add(sums[one.channel, one.scale, ..., strip.regions, :], strip, one, other)
        return sums

    def _prepared(self, strip: Strip, background: float | None) -> Sequence[_Plane]:
        key = strip.stop, background
        planes = self._kept.get(key)
        if planes is None:
            light = self._linear(self._pixels, strip.seen, background)
            planes = tuple(_planes(light, self._needed))
            if self._keeps:
                self._kept[key] = planes
        return planes

    def _linear(self, pixels: Pixels, rows: slice, background: float | None) -> Floats:
        if self._light is not None:
            return self._light(pixels, rows)
        return xyb.linear(pixels[rows], background)

    def _add(self, sums: Doubles, strip: Strip, one: _Plane, other: _Plane) -> None:
        """Add the norms of the relevant maps, region by region."""
        needed = self._needed[one.channel, one.scale]
        core, rows, columns = (
            strip.core(one.scale),
            strip.at(one.scale),
            self._columns.at(one.scale),
        )
        for number in np.nonzero(needed.any(axis=0))[0]:
            values = _MAPS[number](one, other)[core]
            if needed[0, number]:
                sums[0, number] += regions.sums(values, rows, columns)
            if needed[1, number]:
                sums[1, number] += regions.sums((values * values) ** 2, rows, columns)

    def _score(self, sums: Doubles) -> Score:
        each = self._region_pixels(sums)
        whole = weights.score(_norms(sums.sum(axis=(-2, -1)) / each.sum(axis=(-2, -1))))
        return Score(float(whole), float(self._regions(sums).min()))

    def _regions(self, sums: Doubles) -> Doubles:
        return np.asarray(weights.score(_norms(sums / self._region_pixels(sums))))

    def _region_pixels(self, sums: Doubles) -> Doubles:
        """Return the pixels of each region, to divide sums by."""
        rows, columns = self._rows, self._columns
        pixels = [
            np.outer(rows.lengths(scale), columns.lengths(scale)) for scale in range(sums.shape[1])
        ]
        return np.asarray(pixels, np.float64)[:, None, None]


def _norms(means: Doubles) -> Doubles:
    """Return the fourth roots of the 4-norms' sums."""
    return np.stack([means[:, :, 0], means[:, :, 1] ** 0.25], axis=2)


def _scales(height: int, width: int) -> int:
    """Return the number of scales at which both sides are long enough."""
    shrunk = [-(-min(height, width) >> scale) for scale in range(SCALES)]
    return sum(each >= SMALLEST for each in shrunk)


def _backgrounds(*images: Pixels) -> Sequence[float | None]:
    transparent = any(each.ndim == 3 and each.shape[2] == 4 for each in images)
    opaque = not transparent or all((each[..., 3] == 255).all() for each in images)
    return (None,) if opaque else _BACKGROUNDS


def _planes(light: Floats, needed: npt.NDArray[np.bool_]) -> Iterator[_Plane]:
    """Yield the relevant channels, scale by scale; gray images differ in luma alone."""
    counts = np.asarray(needed.any(axis=(2, 3)))
    channels = (xyb.Y,) if light.ndim == 2 else (xyb.X, xyb.Y, xyb.B)
    last = int(np.nonzero(counts.any(axis=0))[0][-1])
    for scale in range(last + 1):
        for channel in channels:
            if counts[channel, scale]:
                yield _Plane.of(channel, scale, xyb.plane(light, channel))
        light = xyb.halved(light) if scale < last else light


def _blurred(values: Floats) -> Floats:
    """Blur with zeros left and right of the image, and rows mirrored above and below."""
    padded = cv2.copyMakeBorder(values, _RADIUS, _RADIUS, 0, 0, cv2.BORDER_REFLECT)
    blurred = cv2.sepFilter2D(padded, -1, _KERNEL, _KERNEL, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(blurred[_RADIUS:-_RADIUS])


def _structure(one: _Plane, other: _Plane) -> Floats:
    """Return 1 minus structural similarity, from differences: covariances would lose digits."""
    apart = one.mean - other.mean
    apart *= apart
    difference = one.values - other.values
    unlike = _blurred(difference * difference) - apart
    unlike /= one.variance + other.variance + _C2
    return np.asarray(np.maximum(apart + (1 - apart) * unlike, 0))


def _artifacts(one: _Plane, other: _Plane) -> Floats:
    return np.asarray(np.maximum(_edges(one, other), 0))


def _lost_detail(one: _Plane, other: _Plane) -> Floats:
    return np.asarray(np.maximum(-_edges(one, other), 0))


def _edges(one: _Plane, other: _Plane) -> Floats:
    """Compare edge strength: positive where the other image has stronger edges."""
    ours, theirs = np.abs(one.values - one.mean), np.abs(other.values - other.mean)
    return np.asarray((1 + theirs) / (1 + ours) - 1)


_MAPS: Final = (_structure, _artifacts, _lost_detail)
