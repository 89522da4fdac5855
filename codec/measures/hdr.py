"""The HDR picture that readers compute from a picture and its gain map, as pixels to compare.

The map is applied in full, as on a display that shows all of it. Up to white of the first picture
an error counts as it does there: the display emits the same light. Above white, equal contrasts
count equally, as eyes adapted to such light see them (Weber's law). On two photographs of phones,
SSIMULACRA2 differs by 0.1 to 1.4 from that of light coded by PU21, with white at 203 cd/m2 (R. K.
Mantiuk and M. Azimi, PU21: A novel perceptually uniform encoding for adapting existing quality
metrics for HDR, PCS 2021). PQ (SMPTE ST 2084) serves worse: shadows that are barely visible are a
third of its scale, so that a picture with some needs twice the bytes (docs/floors.md).
"""

import math
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from slimgate.codec.containers.gain_map import GainMap
from slimgate.codec.image.pixels import Pixels, Undecodable, opened
from slimgate.codec.measures import floors, xyb
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.measures.reading import Reading
from slimgate.codec.threads import ALONE, Threads
from slimgate.config import Floor

_CODED: Final = ("psnr_db", "ssim")
_SCORES: Final = ("ssimulacra2", "ssimulacra2_worst")
"""Measures that mean as much for HDR pictures as for others."""

_ROWS: Final = 256  # of a strip
_FINE: Final = 1 << 16

_LINEAR_END: Final = 0.0031308  # IEC 61966-2-1

_Floats = npt.NDArray[np.float32]
_Doubles = npt.NDArray[np.float64]


class HdrPicture:
    """Computes HDR pictures with one gain map.

    Args:
        gain_map: gain map of the upload.

    Raises:
        Undecodable, OSError, ValueError, SyntaxError: the map cannot be decoded, or is larger than
            the picture.
    """

    def __init__(self, gain_map: GainMap, size: tuple[int, int]) -> None:
        self._map = gain_map
        with opened(gain_map.image, "JPEG") as image:
            if image.mode not in ("L", "RGB") or image.width * image.height > size[0] * size[1]:
                raise Undecodable("gain map of another kind or size")
            samples = np.asarray(image.convert("RGB"), np.uint8)
        tables = [self._gains(channel) for channel in range(3)]
        planes = [table[samples[..., each]] for each, table in enumerate(tables)]
        same = all(np.array_equal(plane, planes[0]) for plane in planes[1:])
        self._gain = [Image.fromarray(plane) for plane in (planes[:1] if same else planes)]

    def of(self, pixels: Pixels) -> Pixels:
        """Return the HDR picture of the upload's pixels, or of restored ones.

        Args:
            pixels: uint8, (height, width, 3), sRGB-coded.

        Returns:
            uint8, (height, width, 3), in steps that are about equally visible.
        """
        found = np.empty_like(pixels)
        self._write(pixels, 0, self._codes, found)
        return found

    def light(self, pixels: Pixels, rows: slice) -> _Floats:
        """Return some rows of the HDR picture as light whose cube roots are what eyes see.

        Args:
            pixels: uint8, (height, width, 3), sRGB-coded.
            rows: rows, with start and stop.

        Returns:
            (rows, width, 3); white is 1.
        """
        found = np.empty((rows.stop - rows.start, *pixels.shape[1:]), np.float32)
        self._write(pixels, rows.start, self._seen, found)
        return found

    def _write(
        self, pixels: Pixels, top: int, table: npt.NDArray[Any], found: npt.NDArray[Any]
    ) -> None:
        """Write the rows from ``top`` on, coded by a table of the root of light."""
        for start in range(0, found.shape[0], _ROWS):
            target = found[start : start + _ROWS]
            rows = slice(top + start, top + start + target.shape[0])
            gain = self._resized(rows, pixels.shape[:2])
            for channel in range(3):
                light = xyb.SRGB[pixels[rows, :, channel]] + np.float32(self._map.offset[channel])
                light = light * gain[channel % len(gain)] - np.float32(
                    self._map.offset_hdr[channel]
                )
                share = np.sqrt(np.clip(light / self._peak, 0, 1))
                target[..., channel] = table[(share * (_FINE - 1)).astype(np.uint16)]

    def _resized(self, rows: slice, shape: tuple[int, ...]) -> list[_Floats]:
        """Return the factors of some rows, by channel or for all, interpolated bilinearly."""
        height, width = shape
        found = []
        for plane in self._gain:
            ratio = plane.height / height
            box = (0, rows.start * ratio, plane.width, rows.stop * ratio)
            size = (width, rows.stop - rows.start)
            found.append(np.asarray(plane.resize(size, Image.Resampling.BILINEAR, box)))
        return [plane if self._map.linear else np.exp2(plane) for plane in found]

    def _gains(self, channel: int) -> _Floats:
        """Return the gain of each sample value: stops, or factors of a linear map."""
        lowest, highest = self._map.lowest[channel], self._map.highest[channel]
        if self._map.linear:
            return (1 + (2**highest - 1) * xyb.SRGB).astype(np.float32)
        share = (np.arange(256) / 255) ** (1 / self._map.gamma[channel])
        return (lowest + (highest - lowest) * share).astype(np.float32)

    @cached_property
    def _peak(self) -> np.float32:
        """Return the brightest light, relative to white."""
        brightest = [
            (1 + base) * 2 ** max(low, high, 0) - other
            for low, high, base, other in zip(
                self._map.lowest, self._map.highest, self._map.offset, self._map.offset_hdr,
                strict=True,
            )
        ]  # fmt: skip
        return np.float32(max(1.0, *brightest))

    @property
    def headroom_db(self) -> float:
        """Return by how much PSNR of the codes exceeds PSNR relative to white, dB."""
        return 20 * math.log10(self._brightest)

    @cached_property
    def _brightest(self) -> float:
        """Return the brightest light on the scale of sRGB, where white is 1."""
        return float(scaled(np.array(float(self._peak))))

    @cached_property
    def _codes(self) -> Pixels:
        """Return the code of the root of each share of the brightest light."""
        return np.asarray(np.round(255 * scaled(self._lights) / self._brightest), np.uint8)

    @cached_property
    def _seen(self) -> _Floats:
        """Return the same as light whose cube roots are what eyes see."""
        return _seen(self._lights).astype(np.float32)

    @property
    def _lights(self) -> _Doubles:
        return np.asarray(np.linspace(0, 1, _FINE) ** 2 * float(self._peak))


class HdrReference:
    """The HDR picture of an upload, to compare others with.

    Args:
        picture: computes it.
        pixels: pixels of the upload, uint8, (height, width, 3).
        threads: compare parts of a picture.
    """

    def __init__(self, picture: HdrPicture, pixels: Pixels, threads: Threads = ALONE) -> None:
        self._picture, self._pixels, self._threads = picture, pixels, threads
        self._seen = Prepared(pixels, picture.light, threads)

    @cached_property
    def _coded(self) -> Prepared:
        return Prepared(self._picture.of(self._pixels), threads=self._threads)

    def read(self, floor: Floor, shown: Pixels) -> Reading:
        """Measure the HDR picture of restored pixels under a floor."""
        scores = floors.read(floor, self._seen, shown, names=_SCORES, thorough=True)
        if all(getattr(floor, name) is None for name in _CODED):
            return scores
        coded = self._picture.of(shown)
        found = floors.read(floor, self._coded, coded, names=_CODED, thorough=True)
        if found.psnr_db is not None:
            relative = max(0.0, found.psnr_db - self._picture.headroom_db)
            found = replace(found, psnr_db=relative)
        return found.worse(scores)


def scaled(light: _Doubles) -> _Doubles:
    """Return light on the scale of sRGB, where white is 1 and equal steps are equally visible."""
    seen = _seen(light)
    coded = 1.055 * np.maximum(seen, _LINEAR_END) ** (1 / 2.4) - 0.055
    return np.asarray(np.where(seen <= _LINEAR_END, 12.92 * seen, coded))


def _seen(light: _Doubles) -> _Doubles:
    """Return light whose cube roots, which SSIMULACRA2 takes, are a logarithm above white."""
    return np.asarray(np.where(light <= 1, light, (1 + np.log(np.maximum(light, 1)) / 3) ** 3))
