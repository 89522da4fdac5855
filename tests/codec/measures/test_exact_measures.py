"""PSNR and SSIM against scikit-image."""

import math

import numpy as np
import pytest

from bench import reference
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import floors, ssim
from slimgate.codec.measures.psnr import PERFECT_PSNR_DB, psnr
from slimgate.codec.measures.reading import Fidelity
from tests.codec.pictures import crop, noise, photo, worsened

_PHOTOS = [
    ("astronaut.png", "RGB"),
    ("camera.png", "L"),
    ("coffee.png", "RGB"),
    ("rocket.jpg", "RGB"),
]
# Around the window of 11 and around one to four bands of 256 rows and their margins of 5.
_HEIGHTS = [11, 12, 13, 255, 256, 257, 265, 266, 267, 277, 278, 521, 522, 523, 1033, 1034, 1035]


def _reference_ssim(original: Pixels, restored: Pixels) -> float:
    return reference.ssim(reference.luma(original), reference.luma(restored))


def _equal_to_reference(original: Pixels, restored: Pixels) -> None:
    expected = reference.psnr(original, restored), _reference_ssim(original, restored)
    actual = psnr(original, restored), ssim.exact(original, restored)
    assert actual == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("name", "mode"), _PHOTOS)
@pytest.mark.parametrize("by", [1, 30])
def test_photographs_measure_as_in_scikit_image(name: str, mode: str, by: int) -> None:
    """PSNR and SSIM of photographs equal those of scikit-image to nine digits."""
    original = photo(name, mode)
    _equal_to_reference(original, worsened(original, by))


@pytest.mark.parametrize("height", _HEIGHTS)
@pytest.mark.parametrize("channels", [(), (3,)])
def test_bands_leave_no_seam(height: int, channels: tuple[int, ...]) -> None:
    """Wherever the bands of rows begin and end, the measures equal those of scikit-image."""
    original = noise(height, 14, *channels)
    _equal_to_reference(original, worsened(original, 60))


@pytest.mark.parametrize("size", [(11, 11), (11, 40), (40, 11), (17, 23), (33, 31)])
def test_odd_sizes_measure_as_in_scikit_image(size: tuple[int, int]) -> None:
    """Any side from the window size up agrees with scikit-image."""
    original = noise(*size, 3)
    _equal_to_reference(original, noise(*size, 3, seed=6))


def test_pixels_need_not_be_contiguous() -> None:
    """A view into a larger array measures like a copy of it."""
    original = photo("astronaut.png")[3:300:2, 5:400:3, ::-1]
    _equal_to_reference(original, worsened(original, 9))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_identical_images_are_perfect(mode: str) -> None:
    """An image is perfectly like itself by every measure."""
    pixels = crop(mode, 97, 83)
    expected = Fidelity(psnr_db=PERFECT_PSNR_DB, ssim=1.0, orb=1.0)
    assert floors.measure(pixels, pixels.copy()) == expected


def test_the_perfect_value_is_above_all_others() -> None:
    """One sample that is off by one in a large image is not yet perfect, and nothing is above."""
    pixels = np.zeros((3000, 3000), np.uint8)
    other = pixels.copy()
    other[1500, 7] = 1
    assert 10 * math.log10(255**2 * 3000**2) > PERFECT_PSNR_DB
    assert psnr(pixels, other) == PERFECT_PSNR_DB


def test_black_against_white_is_nothing() -> None:
    """The greatest possible difference has 0 dB and next to no similarity."""
    black, white = np.zeros((40, 40), np.uint8), np.full((40, 40), 255, np.uint8)
    assert psnr(black, white) == 0
    assert ssim.exact(black, white) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("ruined", ["colour", "alpha"])
def test_the_worse_of_colour_and_alpha_counts(ruined: str) -> None:
    """Good alpha does not compensate for bad colour, nor the reverse."""
    original = crop("RGBA", 90, 80)
    restored = original.copy()
    part = (slice(None), slice(None), slice(0, 3) if ruined == "colour" else 3)
    restored[part] = worsened(original[part], 80)
    expected = reference.psnr(original[part], restored[part])
    assert psnr(original, restored) == pytest.approx(expected, abs=1e-9)
    expected = _reference_ssim(original[part], restored[part])
    assert ssim.exact(original, restored) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0.0), (0.9, 10.0), (0.99, 20.0), (1, 90)])
def test_similarity_in_db(value: float, expected: float) -> None:
    """Each factor of ten that is less lacking to 1 counts 10 dB, up to a limit."""
    assert ssim.decibels(value) == pytest.approx(expected)


@pytest.mark.parametrize("size", [(10, 11), (11, 10), (1, 1)])
def test_ssim_refuses_images_smaller_than_its_window(size: tuple[int, int]) -> None:
    """SSIM of an image that is smaller than the window is an error, not a number."""
    with pytest.raises(ValueError, match="at least 11"):
        ssim.exact(noise(*size), noise(*size))


@pytest.mark.parametrize("size", [(16, 16), (16, 9000), (9000, 16)])
def test_extreme_shapes_are_measured(size: tuple[int, int]) -> None:
    """Images of extreme shapes get numbers from every measure, not errors."""
    pixels = noise(*size)
    expected = Fidelity(psnr_db=PERFECT_PSNR_DB, ssim=1.0, orb=1.0)
    assert floors.measure(pixels, pixels) == expected
