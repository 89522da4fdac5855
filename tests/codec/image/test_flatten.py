"""Tests of making flat again what was drawn flat."""

import numpy as np
import pytest

from slimgate.codec.containers import DoesNotFit, parse
from slimgate.codec.image import flatten
from slimgate.codec.image.pixels import Pixels, decode_as
from slimgate.codec.restore import output
from tests.codec.pictures import crop, noise, photo, save

_MODES = {"L": (), "RGB": (3,), "RGBA": (4,)}


def _drawing(mode: str) -> Pixels:
    """Draw three areas, the smallest of them of noise."""
    pixels = np.empty((120, 160, *_MODES[mode]), np.uint8)
    pixels[:, :100] = 250
    pixels[:, 100:140] = 40
    pixels[:, 140:] = noise(120, 20, *_MODES[mode])
    return pixels


def _coded(pixels: Pixels, by: int) -> Pixels:
    """Disturb every other pixel of a drawing, as a codec does around lines."""
    change = np.random.default_rng(3).integers(-by, by + 1, pixels.shape)
    change[:, ::2] = 0
    return np.asarray(np.clip(pixels + change, 0, 255), dtype=np.uint8)


@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize("near", [4, 8, 16])
def test_flat_areas_come_back(mode: str, near: int) -> None:
    """Noise up to what is near disappears from areas of one colour."""
    original = _drawing(mode)
    found = flatten.flattened(_coded(original, near), near)
    np.testing.assert_array_equal(original[:, :140], found[:, :140])


@pytest.mark.parametrize("mode", _MODES)
def test_no_pixel_changes_by_more_than_is_near(mode: str) -> None:
    """No sample changes by more than the distance, and the input is unchanged."""
    pixels = crop(mode, 90, 70)
    before = pixels.copy()
    found = flatten.flattened(pixels, 8)
    assert np.abs(found.astype(int) - pixels).max() <= 8
    np.testing.assert_array_equal(before, pixels)


def test_drawings_are_told_from_photographs() -> None:
    """Areas of few colours make a drawing; a photograph and noise are none."""
    assert flatten.is_drawn(_coded(_drawing("RGB"), 4))
    assert not flatten.is_drawn(photo("astronaut.png"))
    assert not flatten.is_drawn(noise(100, 100, 3))
    # Dim and gray: nearly all pixels in some twenty grays, as in a picture of the moon.
    assert not flatten.is_drawn(photo("astronaut.png").mean(axis=2).astype(np.uint8) // 12)


@pytest.mark.parametrize("mode", _MODES)
def test_a_drawing_fits_when_it_is_flat_again(mode: str) -> None:
    """A disturbed drawing becomes a PNG file of the drawing's size, which any reader decodes."""
    original = _drawing(mode)
    upload = parse(save(original, "PNG"))
    size = len(save(original, "PNG", compress_level=9)) + 400
    pixels = _coded(original, 4)
    found, data = output.fit(pixels, upload, size)
    assert (found.near, found.step, len(data)) == (4, 1, size)
    np.testing.assert_array_equal(flatten.flattened(pixels, 4), decode_as(upload, data))
    assert data == output.encode(pixels, found, metadata=upload.metadata, size=size)


def test_what_nothing_makes_fit_is_an_error() -> None:
    """A drawing that not even rounding makes small enough is refused."""
    pixels = _coded(_drawing("RGB"), 60)
    with pytest.raises(DoesNotFit):
        output.fit(pixels, parse(save(pixels, "PNG")), 500)
