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
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import regions, xyb
from slimgate.codec.measures import ssimulacra2_weights as weights
from slimgate.codec.measures.regions import Doubles, Edges, Strip, Tile
from slimgate.codec.measures.ssimulacra2_maps import Plane, maps, planes
from slimgate.codec.measures.ssimulacra2_weights import SCALES
from slimgate.codec.measures.strip_lights import Light, StripLights
from slimgate.codec.measures.xyb import Floats
from slimgate.codec.threads import ALONE, Threads

REGION: Final = 128
"""Side of separately scored regions, pixels."""

SMALLEST: Final = 8
"""Smallest side of an image, and of a scale that counts."""

ERROR: Final = 0.005
"""Maximum error against the package ``ssimulacra2``: 0.0014 on 112 pairs of images."""

_BACKGROUNDS: Final = (0.1, 0.9)
"""sRGB values behind transparent images; the worse score counts."""

_HALO: Final = 96
"""Rows beside a strip that affect its maps: the radius of the Gaussian at the fifth scale (the
sixth is negligible), and a multiple of what one row covers there."""

STRIP_PIXELS: Final = 4_000_000
"""Pixels compared at a time, plus a halo."""

KEPT_PIXELS: Final = 16_000_000
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


class _Part(NamedTuple):
    """A tile at one scale."""

    scale: int
    tile: Tile


class Reference:
    """A reference image of comparisons, with cached statistics.

    Args:
        pixels: uint8, (height, width[, channels]): gray, RGB or RGBA, at least 8 on each side.
        light: returns linear light of some rows of opaque pixels, of which white is 1; None: sRGB.
        threads: compare parts of an image.
    """

    def __init__(
        self, pixels: Pixels, light: Light | None = None, threads: Threads = ALONE
    ) -> None:
        height, width = pixels.shape[:2]
        if min(height, width) < SMALLEST:
            raise ValueError(f"an image of {width}x{height} pixels is too small for SSIMULACRA2")
        self._pixels, self._threads = pixels, threads
        self._rows, self._columns = Edges.of(height, REGION), Edges.of(width, REGION)
        self._needed = weights.table(_scales(height, width)) > 0
        self._kept: dict[tuple[int, float | None], list[list[Plane]]] = {}
        self._lights = StripLights(light, self._needed.shape[1], threads)
        self._keeps = height * width <= KEPT_PIXELS
        self._ready: Callable[[], None] | None = None

    def prepare(self) -> None:
        """Begin to compute what is kept of an opaque reference, where a core is idle."""
        opaque = self._pixels.shape[2:] != (4,)
        begins = self._ready is None and self._threads.count > 1 and not self._lights.by_threads
        if self._keeps and opaque and begins:
            self._ready = self._threads.start(self._keep)

    def _keep(self) -> None:
        for strip in self._strips():
            lights = self._lights.of(self._pixels, None, strip)
            self._kept[strip.stop, None] = [
                self._planes(lights, part) for part in self._parts(strip)
            ]

    def compare(self, restored: Pixels) -> Score:
        """Compare an image with the reference.

        Args:
            restored: same shape and dtype.
        """
        self._wait()
        scores = [self._compare(restored, each) for each in _backgrounds(self._pixels, restored)]
        return Score(min(each.whole for each in scores), min(each.worst for each in scores))

    def worst_region(self, restored: Pixels) -> tuple[int, int]:
        """Return the top and the left edge of the region with the lowest score, pixels.

        Args:
            restored: same shape and dtype.
        """
        self._wait()
        backgrounds = _backgrounds(self._pixels, restored)
        scores = np.min([self._regions(self._sums(restored, b)) for b in backgrounds], axis=0)
        row, column = divmod(int(scores.argmin()), len(self._columns.starts))
        return self._rows.starts[row], self._columns.starts[column]

    def _wait(self) -> None:
        if self._ready is not None:
            self._ready()

    def _strips(self) -> list[Strip]:
        return [*self._rows.strips(STRIP_PIXELS // self._columns.length, _HALO)]

    def _compare(self, restored: Pixels, background: float | None) -> Score:
        return self._score(self._sums(restored, background))

    def _sums(self, restored: Pixels, background: float | None) -> Doubles:
        """Return sums of the norms of all maps: channel, scale, norm, map, region."""
        shape = (*self._needed.shape, len(self._rows.starts), len(self._columns.starts))
        sums = np.zeros(shape)
        strips = self._strips()
        lights = self._lights.of_all(restored, background, strips)
        for strip, theirs in zip(strips, lights, strict=True):
            parts = [*self._parts(strip)]
            ours = self._prepared(strip, background, parts)
            self._threads.map(
                lambda part: self._add(sums, part[0], part[1](), theirs),  # noqa: B023  # at once
                zip(parts, ours, strict=True),
            )
        return sums

    def _parts(self, strip: Strip) -> Iterator[_Part]:
        for scale in range(int(np.nonzero(self._needed.any(axis=(0, 2, 3)))[0][-1]) + 1):
            for tile in regions.tiles(strip, self._columns, scale):
                yield _Part(scale, tile)

    def _prepared(
        self, strip: Strip, background: float | None, parts: Sequence[_Part]
    ) -> Sequence[Callable[[], list[Plane]]]:
        """Return the reference's side of each part, computed once if it is kept."""
        key = strip.stop, background
        kept = self._kept.get(key)
        if kept is None:
            lights = self._lights.of(self._pixels, background, strip)
            made = [partial(self._planes, lights, part) for part in parts]
            if not self._keeps:
                return made
            kept = self._kept[key] = self._threads.map(lambda make: make(), made)
        return [partial(_itself, planes) for planes in kept]

    def _planes(self, lights: Sequence[Floats], part: _Part) -> list[Plane]:
        """Return the relevant channels of a part; gray images differ in luma alone."""
        light = lights[part.scale]
        return planes(light, part.tile, self._channels(part.scale))

    def _channels(self, scale: int) -> list[int]:
        gray = self._pixels.ndim == 2
        some = (xyb.Y,) if gray else (xyb.X, xyb.Y, xyb.B)
        return [channel for channel in some if self._needed[channel, scale].any()]

    def _add(
        self, sums: Doubles, part: _Part, ours: Sequence[Plane], lights: Sequence[Floats]
    ) -> None:
        """Add the norms of the relevant maps, region by region."""
        theirs, starts = self._planes(lights, part), part.tile.starts
        for channel, one, other in zip(self._channels(part.scale), ours, theirs, strict=True):
            needed = self._needed[channel, part.scale]
            target = sums[channel, part.scale, ..., part.tile.regions[0], part.tile.regions[1]]
            for number, values in maps(one, other, {*np.nonzero(needed.any(axis=0))[0]}):
                if needed[0, number]:
                    target[0, number] += regions.sums(values, *starts)
                if needed[1, number]:
                    for _ in range(2):
                        np.multiply(values, values, out=values)
                    target[1, number] += regions.sums(values, *starts)

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


def _itself(planes: list[Plane]) -> list[Plane]:
    return planes
