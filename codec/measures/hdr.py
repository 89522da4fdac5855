"""The HDR picture that readers compute from a picture and its gain map, as pixels to compare.

The map is applied in full, as on a display that shows all of it. Light is coded by PQ (SMPTE
ST 2084), in which equal steps are about equally visible, with white of the first picture at
203 cd/m2 (ITU-R BT.2408) and the brightest light that the map allows as 255. On photographs, PSNR
of such pictures is about 1 dB below that of the first ones, and SSIMULACRA2 the same. Scores of
single regions mean little: PQ spreads shadows that are barely visible over a third of the scale.
"""

from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from codec.containers.gain_map import GainMap
from codec.image.pixels import Pixels, Undecodable, opened

MEASURES: Final = ("psnr_db", "ssim", "ssimulacra2")
"""Measures that mean as much for HDR pictures as for others."""

_WHITE: Final = 203.0  # cd/m2
_PQ_PEAK: Final = 10_000.0  # cd/m2
_ROWS: Final = 256  # of a strip
_FINE: Final = 1 << 16

_Floats = npt.NDArray[np.float32]


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
            uint8, (height, width, 3), PQ-coded.
        """
        found = np.empty_like(pixels)
        for start in range(0, pixels.shape[0], _ROWS):
            rows = slice(start, min(start + _ROWS, pixels.shape[0]))
            gain = self._resized(rows, pixels.shape[:2])
            for channel in range(3):
                light = _LINEAR[pixels[rows, :, channel]] + np.float32(self._map.offset[channel])
                light = light * gain[channel % len(gain)] - np.float32(
                    self._map.offset_hdr[channel]
                )
                share = np.sqrt(np.clip(light / self._peak, 0, 1))
                found[rows, :, channel] = self._codes[(share * (_FINE - 1)).astype(np.uint16)]
        return found

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
            return (1 + (2**highest - 1) * _LINEAR).astype(np.float32)
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

    @cached_property
    def _codes(self) -> Pixels:
        """Return the code of the root of each share of the brightest light."""
        light = np.linspace(0, 1, _FINE) ** 2 * float(self._peak) * _WHITE
        return np.asarray(np.round(255 * _pq(light) / _pq(light[-1:])), np.uint8)


def _srgb_light() -> _Floats:
    coded = np.arange(256) / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


_LINEAR: Final = _srgb_light()


def _pq(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the PQ code of light in cd/m2, 0 to 1 (SMPTE ST 2084, 5.3)."""
    powered = (np.minimum(light, _PQ_PEAK) / _PQ_PEAK) ** (2610 / 16384)
    coded = (3424 / 4096 + 2413 / 128 * powered) / (1 + 2392 / 128 * powered)
    return np.asarray(coded ** (2523 / 32))
