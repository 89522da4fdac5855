"""Convert sRGB pixels to XYB, the colour space of JPEG XL, scale by scale.

Source: libjxl 0.11, lib/jxl/opsin_params.h, and tools/ssimulacra2.cc for the scaling of the planes.
"""

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from slimgate.codec.image.pixels import Pixels

Floats = npt.NDArray[np.float32]

X: Final = 0
Y: Final = 1
B: Final = 2
CHANNELS: Final = 3

BIAS: Final = 0.0037930732552754493
"""Response of the cones to darkness."""

ABSORBANCE: Final = np.array(
    [
        [0.3, 0.622, 0.078, BIAS],
        [0.23, 0.692, 0.078, BIAS],
        [0.24342268924547819, 0.20476744424496821, 0.5518098665095536, BIAS],
    ],
    np.float32,
)
"""Responses of the cones to BT.709 primaries; the last column is the bias."""

_DARK: Final = np.float32(np.cbrt(BIAS))


def light(values: npt.NDArray[np.float64]) -> Floats:
    """Return the linear light of sRGB values (IEC 61966-2-1); white is 1."""
    curved = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.asarray(curved, np.float32)


SRGB: Final = light(np.linspace(0, 1, 256))
"""Light of each value of a byte."""

_FINE: Final = 1 << 16
_FINE_LINEAR: Final = light(np.linspace(0, 1, _FINE))


def linear(pixels: Pixels, background: float | None = None) -> Floats:
    """Convert pixels to linear light, of which white is 1.

    Args:
        pixels: uint8, (height, width[, channels]): gray, RGB or RGBA.
        background: sRGB value, 0 to 1, behind transparent pixels; None: ignore alpha.

    Returns:
        (height, width) for gray, (height, width, 3) otherwise.
    """
    if pixels.ndim == 2:
        return np.asarray(cv2.LUT(pixels, SRGB))
    if background is None:
        return np.asarray(cv2.LUT(np.ascontiguousarray(pixels[..., :3]), SRGB))
    alpha = pixels[..., 3:].astype(np.float32) / 255
    blended = pixels[..., :3].astype(np.float32) / 255 * alpha + background * (1 - alpha)
    return np.asarray(_FINE_LINEAR[np.rint(blended * (_FINE - 1)).astype(np.uint16)])


def halved(light: Floats) -> Floats:
    """Average 2x2 pixels; an odd last row or column counts twice."""
    height, width = light.shape[:2]
    if height % 2 or width % 2:
        light = np.asarray(
            cv2.copyMakeBorder(light, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        )
    size = (light.shape[1] // 2, light.shape[0] // 2)
    return np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA))


def planes(light: Floats, channels: Sequence[int]) -> list[Floats]:
    """Return channels of XYB, shifted and scaled to about 0 to 1.

    Args:
        light: linear light; see :func:`linear`.
        channels: some of ``X``, ``Y`` and ``B``; gray has only ``Y``.
    """
    if light.ndim == 2:
        return [_root(light + np.float32(BIAS)) + np.float32(0.01) for _ in channels]
    responses = cv2.split(cv2.transform(light, ABSORBANCE))
    long, medium = (_root(np.asarray(each, np.float32)) for each in responses[:2])
    luma = (long + medium) * np.float32(0.5)
    made: dict[int, Callable[[], Floats]] = {
        X: lambda: (long - medium) * np.float32(7) + np.float32(0.42),
        Y: lambda: luma + np.float32(0.01),
        B: lambda: _root(np.asarray(responses[2], np.float32)) - luma + np.float32(0.55),
    }
    return [made[channel]() for channel in channels]


def _root(response: Floats) -> Floats:
    return np.asarray(cv2.pow(response, 1 / 3)) - _DARK
