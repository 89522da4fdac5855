"""Tests of shrinking by whole factors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from slimgate.codec.image import resample
from slimgate.codec.image.pixels import Pixels
from slimgate.models.engines.interpolation import Interpolation
from tests.codec.pictures import crop, noise
from tests.config.builders import steady

_SIDES = st.integers(1, 40)
_SCALES = st.integers(2, 4)
_CHANNELS = st.sampled_from([(), (3,), (4,)])


def _there_and_back(pixels: Pixels, scale: int) -> Pixels:
    small = resample.downscale(pixels, scale)
    return Interpolation("lanczos").upscale(small, scale)[: pixels.shape[0], : pixels.shape[1]]


@steady
@given(_SIDES, _SIDES, _SCALES, _CHANNELS)
def test_every_started_block_gives_a_pixel(
    width: int, height: int, scale: int, channels: tuple[int, ...]
) -> None:
    """The small image has one pixel for each block, whole or begun, and keeps its channels."""
    small = resample.downscale(noise(height, width, *channels), scale)
    columns, rows = resample.small_size(width, height, scale)
    assert len(range(0, width, scale)) == columns
    assert len(range(0, height, scale)) == rows
    assert small.shape == (rows, columns, *channels)
    assert small.dtype == np.uint8


@steady
@given(_SIDES, _SIDES, _SCALES, st.integers(0, 255))
def test_flat_images_stay_flat(width: int, height: int, scale: int, value: int) -> None:
    """An image of one value shrinks to that value: nothing from outside its edges gets in."""
    small = resample.downscale(np.full((height, width), value, np.uint8), scale)
    assert set(small.flat) == {value}


@steady
@given(_SIDES, _SIDES, _SCALES)
def test_edges_are_repeated(width: int, height: int, scale: int) -> None:
    """Shrinking equals shrinking of the image with its last row and column repeated."""
    pixels = noise(height, width, 3)
    columns, rows = resample.small_size(width, height, scale)
    down = np.minimum(np.arange(rows * scale), height - 1)
    right = np.minimum(np.arange(columns * scale), width - 1)
    whole = Image.fromarray(np.ascontiguousarray(pixels[down][:, right]))
    expected = np.asarray(whole.resize((columns, rows), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(expected, resample.downscale(pixels, scale))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("width", [96, 97, 98, 99])
def test_images_are_not_shifted(scale: int, width: int) -> None:
    """A symmetric ramp keeps its position at any width."""
    ramp = np.broadcast_to(np.arange(width, dtype=np.uint8) * 2, (12, width))
    inner = slice(3 * scale, width - 4 * scale)  # the filter reaches three small pixels
    for pixels, axis in ((ramp, 1), (ramp.T, 0)):
        back = _there_and_back(np.ascontiguousarray(pixels), scale)
        error = np.moveaxis(back.astype(int) - pixels, axis, 1)[:, inner]
        assert np.abs(error).max() <= 1
        assert abs(error.mean()) < 0.2


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_hidden_colours_survive(scale: int) -> None:
    """Colours below a transparent alpha shrink as if they were seen, and alpha as if alone."""
    pixels = crop("RGBA", 61, 47)
    pixels[:, :30, 3] = 0
    small = resample.downscale(pixels, scale)
    colour = np.ascontiguousarray(pixels[..., :3])
    alpha = np.ascontiguousarray(pixels[..., 3])
    np.testing.assert_array_equal(resample.downscale(colour, scale), small[..., :3])
    np.testing.assert_array_equal(resample.downscale(alpha, scale), small[..., 3])


@pytest.mark.parametrize(("channels", "planes"), [((), 1), ((3,), 1), ((4,), 2)])
def test_planes_join_to_what_was_split(channels: tuple[int, ...], planes: int) -> None:
    """Only RGBA is split, into colour and alpha, and joining restores the pixels."""
    pixels = noise(9, 7, *channels)
    split = resample.split_planes(pixels)
    assert len(split) == planes
    assert all(plane.ndim == 2 or plane.shape[2] == 3 for plane in split)
    np.testing.assert_array_equal(pixels, resample.join_planes(split))
