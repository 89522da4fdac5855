"""The maps of SSIMULACRA2: structure, artifacts and lost detail of one channel at one scale.

All are computed for parts of an image that fit into the caches of a core.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from slimgate.codec.measures import xyb
from slimgate.codec.measures.regions import Tile
from slimgate.codec.measures.xyb import Floats

_STRUCTURE, _ARTIFACTS, _LOST_DETAIL = range(3)
_C2: Final = np.float32(0.0009)
_RADIUS: Final = 5
_KERNEL: Final = cv2.getGaussianKernel(2 * _RADIUS + 1, 1.5, cv2.CV_32F)


@dataclass(frozen=True, slots=True)
class Plane:
    """A channel of a part of an image, with statistics.

    Attributes:
        values: with up to 5 rows and columns of its neighbours around it.
        inner: the part itself, within these.
        mirrored: rows that mirrored ones replace, above and below.
        mean: means under the window, of the part alone.
        variance: variances under the window, of the part alone.
    """

    values: Floats
    inner: tuple[slice, slice]
    mirrored: tuple[int, int]
    mean: Floats
    variance: Floats

    @property
    def own(self) -> Floats:
        """Return the values of the part alone."""
        return self.values[self.inner]


def planes(light: Floats, tile: Tile, channels: Sequence[int]) -> list[Plane]:
    """Return channels of a part of an image.

    Args:
        light: linear light of the whole strip, (height, width[, 3]).
        tile: part.
        channels: channels of XYB.
    """
    rows, above, below = _around(tile.rows, light.shape[0])
    columns, left, _ = _around(tile.columns, light.shape[1])
    inner = (
        slice(_RADIUS - above, _RADIUS - above + tile.rows.stop - tile.rows.start),
        slice(_RADIUS - left, _RADIUS - left + tile.columns.stop - tile.columns.start),
    )
    seen = np.ascontiguousarray(light[rows, columns])
    found = []
    for values in xyb.planes(seen, channels):
        mean = _blurred(values, inner, (above, below))
        squares = _blurred(values * values, inner, (above, below))
        squares -= mean * mean
        found.append(Plane(values, inner, (above, below), mean, squares))
    return found


def _around(part: slice, length: int) -> tuple[slice, int, int]:
    """Return a part with its neighbours, and how many lack before and behind."""
    first, last = max(0, part.start - _RADIUS), min(length, part.stop + _RADIUS)
    return slice(first, last), _RADIUS - part.start + first, _RADIUS - last + part.stop


def _blurred(values: Floats, inner: tuple[slice, slice], mirrored: tuple[int, int]) -> Floats:
    """Blur with zeros left and right of the image, and rows mirrored above and below."""
    above, below = mirrored
    if above or below:
        values = np.asarray(cv2.copyMakeBorder(values, above, below, 0, 0, cv2.BORDER_REFLECT))
    blurred = cv2.sepFilter2D(values, -1, _KERNEL, _KERNEL, borderType=cv2.BORDER_CONSTANT)
    rows, columns = inner
    return np.ascontiguousarray(blurred[rows.start + above : rows.stop + above, columns])


def _structure(one: Plane, other: Plane) -> Floats:
    """Return 1 minus structural similarity, from differences: covariances would lose digits."""
    apart = one.mean - other.mean
    apart *= apart
    difference = one.values - other.values
    difference *= difference
    unlike = _blurred(difference, one.inner, one.mirrored)
    unlike -= apart
    below = one.variance + other.variance
    below += _C2
    unlike /= below
    unlike *= 1 - apart
    unlike += apart
    return np.asarray(np.maximum(unlike, 0, out=unlike))


def maps(one: Plane, other: Plane, needed: Collection[int]) -> Iterator[tuple[int, Floats]]:
    """Yield the needed maps with their numbers: structure, artifacts, lost detail.

    Args:
        one: part of the reference image.
        other: the same part of the other image.
        needed: numbers of the maps to compute.
    """
    if _STRUCTURE in needed:
        yield _STRUCTURE, _structure(one, other)
    if _ARTIFACTS in needed or _LOST_DETAIL in needed:
        stronger = _edges(one, other)
        if _ARTIFACTS in needed:
            yield _ARTIFACTS, np.maximum(stronger, 0)
        if _LOST_DETAIL in needed:
            yield _LOST_DETAIL, np.maximum(-stronger, 0)


def _edges(one: Plane, other: Plane) -> Floats:
    """Compare edge strength: positive where the other part has stronger edges."""
    ours, theirs = np.asarray(one.own - one.mean), np.asarray(other.own - other.mean)
    for each in (ours, theirs):
        np.add(np.abs(each, out=each), 1, out=each)
    theirs /= ours
    theirs -= 1
    return theirs
