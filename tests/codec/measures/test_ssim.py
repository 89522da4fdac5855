"""Tests of the structural similarity in single precision against the exact one."""

import numpy as np
import pytest

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import ssim
from tests.codec.pictures import crop, noise, photo, worsened


def _far(original: Pixels, restored: Pixels) -> float:
    return abs(ssim.quick(original, restored) - ssim.exact(original, restored))


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "rocket.jpg"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("by", [1, 9, 60])
def test_photographs_measure_alike(name: str, mode: str, by: int) -> None:
    """On photographs the two differ by a few millionths at most."""
    original = photo(name, mode)
    assert _far(original, worsened(original, by)) < 1e-5


@pytest.mark.parametrize("level", [0, 1, 10, 128, 240, 254, 255])
@pytest.mark.parametrize("other", [0, 128, 255])
@pytest.mark.parametrize("step", [1, 2, 5, 100])
def test_flat_areas_measure_alike(level: int, other: int, step: int) -> None:
    """On flat areas, where single precision is at its worst, the error stays in its bound."""
    original = np.full((270, 300), level, np.uint8)
    original[:, 150:] = other
    shift = step if level < 128 else -step
    restored = np.clip(original.astype(int) + shift, 0, 255).astype(np.uint8)
    assert _far(original, restored) < ssim.QUICK_ERROR
    assert _far(original, worsened(original, 2)) < ssim.QUICK_ERROR


@pytest.mark.parametrize("height", [11, 127, 128, 129, 138, 139, 266])
def test_bands_leave_no_seam(height: int) -> None:
    """Wherever the bands of rows begin and end, the measure is the exact one's."""
    original = noise(height, 14, 3)
    assert _far(original, worsened(original, 60)) < 1e-6


def test_alpha_counts() -> None:
    """The worse of colour and alpha counts, as in the exact measure."""
    original = crop("RGBA", 90, 80)
    restored = original.copy()
    restored[..., 3] = worsened(original[..., 3], 80)
    assert _far(original, restored) < 1e-6
