"""Tests of shrinking images for their restorers."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from slimgate.codec.image import resample
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.restore.restore import Upscaler
from slimgate.codec.search.shrinking import shrunk
from tests.codec.pictures import crop


@dataclass
class _Inverting:
    """Refines by inverting, and remembers what it was asked."""

    asked: list[tuple[Pixels, Pixels, int]] = field(default_factory=list)

    def upscale(self, pixels: Pixels, scale: int, *, level: int) -> Pixels:
        raise AssertionError("shrinking enlarges nothing")

    def refine(self, small: Pixels, full: Pixels, scale: int) -> Pixels:
        self.asked.append((small, full, scale))
        return 255 - small


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_restorers_refine_colours(mode: str) -> None:
    """A restorer sees the shrunk and the whole plane, padded alike; alpha is shrunk alone."""
    restorer, pixels = _Inverting(), crop(mode, 25, 19)

    def lookup(_: str) -> Upscaler:
        return restorer

    found = shrunk(pixels, 2, "hash", lookup)
    plain = resample.downscale(pixels, 2)
    colours, before = resample.split_planes(found)[0], resample.split_planes(plain)[0]
    np.testing.assert_array_equal(colours, 255 - before)
    if mode == "RGBA":
        np.testing.assert_array_equal(found[..., 3], plain[..., 3])
    ((small, full, scale),) = restorer.asked
    assert scale == 2
    np.testing.assert_array_equal(small, before)
    assert full.shape[:2] == (20, 26)
    np.testing.assert_array_equal(full[:19, :25], resample.split_planes(pixels)[0])
    np.testing.assert_array_equal(full[-1], full[-2])


def test_full_size_is_not_touched() -> None:
    """Without a restorer, or at full size, pixels are shrunk by the filter or not at all."""

    def none(_: str) -> Upscaler:
        raise AssertionError("no restorer is needed")

    pixels = crop("RGB", 24, 18)
    assert shrunk(pixels, 1, "hash", none) is pixels
    np.testing.assert_array_equal(shrunk(pixels, 3, None, none), resample.downscale(pixels, 3))
