"""Tests of resizing strip by strip."""

import numpy as np
import pytest
from PIL import Image

from slimgate.models.engine.network import Pixels
from slimgate.models.engines import strips
from slimgate.models.engines.interpolation import Interpolation

_RANDOM = np.random.default_rng(5)
_SHAPES = [(1, 1), (9, 200), (64, 3, 3), (103, 17, 3), (500, 40)]


@pytest.fixture(autouse=True)
def _small_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "_PIXELS", 300)


@pytest.mark.parametrize("shape", _SHAPES)
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["bicubic", "lanczos"])
def test_enlarged_strips_are_those_of_the_whole(
    shape: tuple[int, ...], scale: int, name: str
) -> None:
    """An image enlarged strip by strip is the one that is enlarged at once, to the bit."""
    pixels, restorer = _RANDOM.integers(0, 256, shape, dtype=np.uint8), Interpolation(name)

    def enlarge(strip: Pixels) -> Pixels:
        return restorer.upscale(strip, scale)

    actual = strips.resize(pixels, enlarge, step=1, scale=scale)
    np.testing.assert_array_equal(enlarge(pixels), actual)
    assert actual.flags.writeable


@pytest.mark.parametrize("shape", _SHAPES)
@pytest.mark.parametrize(("step", "scale"), [(2, 1), (3, 1), (3, 2), (4, 1), (4, 2), (4, 3)])
def test_shrunk_strips_are_those_of_the_whole(
    shape: tuple[int, ...], step: int, scale: int
) -> None:
    """The same holds for an image that is larger than wanted and resized rows first."""
    size = (shape[0] * step, shape[1] * step, *shape[2:])
    pixels = _RANDOM.integers(0, 256, size, dtype=np.uint8)

    def shrink(strip: Pixels) -> Pixels:
        image = Image.fromarray(strip)
        width, height = image.width // step * scale, image.height // step * scale
        rows = image.resize((width, image.height), Image.Resampling.LANCZOS)
        return np.asarray(rows.resize((width, height), Image.Resampling.LANCZOS))

    actual = strips.resize(pixels, shrink, step=step, scale=scale)
    np.testing.assert_array_equal(shrink(pixels), actual)
