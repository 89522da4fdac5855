"""Tests of the three measures against scikit-image and against their definitions."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from codec.image.pixels import Pixels
from codec.measures import fidelity
from tests.codec.pictures import crop, noise, photo, worsened

_PHOTOS = [
    ("astronaut.png", "RGB"),
    ("camera.png", "L"),
    ("coffee.png", "RGB"),
    ("rocket.jpg", "RGB"),
]
# Around the window of 11 and around one to four bands of 256 rows and their margins of 5.
_HEIGHTS = [11, 12, 13, 255, 256, 257, 265, 266, 267, 277, 278, 521, 522, 523, 1033, 1034, 1035]


def _reference_psnr(original: Pixels, restored: Pixels) -> float:
    measure: Callable[..., float] = peak_signal_noise_ratio
    return measure(original, restored, data_range=255)


def _reference_ssim(original: Pixels, restored: Pixels) -> float:
    luma = np.array([0.299, 0.587, 0.114])
    pair = [p.astype(np.float64) if p.ndim == 2 else p @ luma for p in (original, restored)]
    measure: Callable[..., float] = structural_similarity
    return measure(
        *pair, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )


def _equal_to_reference(original: Pixels, restored: Pixels) -> None:
    expected = _reference_psnr(original, restored), _reference_ssim(original, restored)
    actual = fidelity.psnr(original, restored), fidelity.ssim(original, restored)
    assert pytest.approx(expected, abs=1e-9) == actual


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
    """Sides of any length from the window upwards give what scikit-image gives."""
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
    expected = fidelity.Fidelity(psnr_db=fidelity.PERFECT_PSNR_DB, ssim=1.0, orb=1.0)
    assert expected == fidelity.measure(pixels, pixels.copy())


def test_the_perfect_value_is_above_all_others() -> None:
    """One sample that is off by one in a large image is not yet perfect, and nothing is above."""
    pixels = np.zeros((3000, 3000), np.uint8)
    other = pixels.copy()
    other[1500, 7] = 1
    assert 10 * math.log10(255**2 * 3000**2) > fidelity.PERFECT_PSNR_DB
    assert fidelity.PERFECT_PSNR_DB == fidelity.psnr(pixels, other)


def test_black_against_white_is_nothing() -> None:
    """The greatest possible difference has 0 dB and next to no similarity."""
    black, white = np.zeros((40, 40), np.uint8), np.full((40, 40), 255, np.uint8)
    assert fidelity.psnr(black, white) == 0
    assert pytest.approx(0, abs=1e-3) == fidelity.ssim(black, white)


@pytest.mark.parametrize("ruined", ["colour", "alpha"])
def test_the_worse_of_colour_and_alpha_counts(ruined: str) -> None:
    """What one of colour and alpha lost is not made up for by the other."""
    original = crop("RGBA", 90, 80)
    restored = original.copy()
    part = (slice(None), slice(None), slice(0, 3) if ruined == "colour" else 3)
    restored[part] = worsened(original[part], 80)
    expected = _reference_psnr(original[part], restored[part])
    assert pytest.approx(expected, abs=1e-9) == fidelity.psnr(original, restored)
    expected = _reference_ssim(original[part], restored[part])
    assert pytest.approx(expected, abs=1e-9) == fidelity.ssim(original, restored)


def _reference_block_psnr(original: Pixels, restored: Pixels) -> float:
    height, width = original.shape[:2]
    starts = [[*range(0, max(n - 64, 0), 64), max(n - 64, 0)] for n in (height, width)]
    blocks = [np.s_[y : y + 64, x : x + 64] for y in starts[0] for x in starts[1]]
    return min(_reference_psnr(original[block], restored[block]) for block in blocks)


@pytest.mark.parametrize("size", [(64, 64), (30, 200), (129, 65), (200, 191), (700, 40), (16, 16)])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_the_worst_block_is_found(size: tuple[int, int], channels: tuple[int, ...]) -> None:
    """The PSNR of the worst block is the least of scikit-image's over all blocks."""
    original = noise(*size, *channels)
    restored = worsened(original, 5)
    restored[-9:, -7:] = worsened(original[-9:, -7:], 60)
    expected = _reference_block_psnr(original, restored)
    assert pytest.approx(expected, abs=1e-9) == fidelity.block_psnr(original, restored)


@pytest.mark.parametrize("channel", [0, 3])
def test_a_ruined_block_of_colour_or_alpha_is_found(channel: int) -> None:
    """One bad block of one channel decides, while the mean hardly moves."""
    original = crop("RGBA", 250, 240)
    restored = original.copy()
    restored[70:90, 100:120, channel] ^= 128
    assert fidelity.block_psnr(original, restored) < fidelity.psnr(original, restored) - 5
    assert fidelity.PERFECT_PSNR_DB == fidelity.block_psnr(original, original.copy())


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0.0), (0.9, 10.0), (0.99, 20.0), (1, 90)])
def test_similarity_in_db(value: float, expected: float) -> None:
    """Each factor of ten that is less lacking to 1 counts 10 dB, up to a limit."""
    assert pytest.approx(expected) == fidelity.ssim_db(value)


@pytest.mark.parametrize("size", [(10, 11), (11, 10), (1, 1)])
def test_ssim_refuses_images_smaller_than_its_window(size: tuple[int, int]) -> None:
    """SSIM of an image that is smaller than the window is an error, not a number."""
    with pytest.raises(ValueError, match="at least 11"):
        fidelity.ssim(noise(*size), noise(*size))


def _reference_orb(original: Pixels, restored: Pixels) -> float:
    detector = cv2.ORB_create(500)  # type: ignore[attr-defined]  # missing in the stubs
    sets = [detector.detectAndCompute(p, None)[1] for p in (original, restored)]
    before, after = (np.unpackbits(descriptors, axis=1).astype(np.int64) for descriptors in sets)
    distances = before @ (1 - after.T) + (1 - before) @ after.T
    nearest, back = distances.argmin(axis=1), distances.argmin(axis=0)
    mutual = [i for i, j in enumerate(nearest) if back[j] == i and distances[i, j] <= 50]
    return len(mutual) / max(len(before), len(after))


@pytest.mark.parametrize("name", ["camera.png", "coins.png", "astronaut.png"])
@pytest.mark.parametrize("by", [4, 25, 90])
def test_orb_is_the_share_of_mutual_matches(name: str, by: int) -> None:
    """ORB similarity equals a brute-force count of mutual matches within 50 bits."""
    original = photo(name, "L")
    restored = worsened(original, by)
    assert _reference_orb(original, restored) == fidelity.orb(original, restored)


@pytest.mark.parametrize("columns", [50, 70, 90])
def test_orb_is_the_share_of_the_larger_set(columns: int) -> None:
    """Where one image has more key points than the other, the share is of the larger set."""
    whole = photo("camera.png", "L")[100:250, 150:330].copy()
    part = whole.copy()
    part[:, columns:] = 128
    detector = cv2.ORB_create(500)  # type: ignore[attr-defined]  # missing in the stubs
    assert len(detector.detect(part)) < len(detector.detect(whole)) < 500
    assert _reference_orb(whole, part) == fidelity.orb(whole, part)
    assert _reference_orb(part, whole) == fidelity.orb(part, whole)


def test_lost_key_points_count_against_orb() -> None:
    """The share is of the larger set, so it does not matter on which side points are missing."""
    whole = photo("camera.png", "L")
    half = whole.copy()
    half[:, 256:] = 0
    assert fidelity.orb(whole, half) < 0.75
    assert pytest.approx(fidelity.orb(half, whole), abs=0.02) == fidelity.orb(whole, half)


def test_orb_without_key_points() -> None:
    """Two images without key points are alike; one without is nothing like one with them."""
    flat = np.full((200, 200), 90, np.uint8)
    detailed = photo("camera.png", "L")[150:350, 150:350]
    found = [fidelity.orb(flat, flat), fidelity.orb(flat, detailed), fidelity.orb(detailed, flat)]
    assert [1.0, 0.0, 0.0] == found


def test_orb_sees_colours_as_gray() -> None:
    """Alpha does not matter to ORB, and an RGB image of grays counts as gray."""
    gray = crop("L", 120, 120)
    worse = worsened(gray, 20)
    expected = fidelity.orb(gray, worse)
    opaque = np.full_like(gray, 255)
    pairs = [
        [np.dstack([p, p, p]) for p in (gray, worse)],
        [np.dstack([p, p, p, opaque]) for p in (gray, worse)],
    ]
    assert [expected, expected] == [fidelity.orb(*pair) for pair in pairs]


@pytest.mark.parametrize("size", [(16, 16), (16, 9000), (9000, 16)])
def test_extreme_shapes_are_measured(size: tuple[int, int]) -> None:
    """Images of extreme shapes get numbers from every measure, not errors."""
    pixels = noise(*size)
    expected = fidelity.Fidelity(psnr_db=fidelity.PERFECT_PSNR_DB, ssim=1.0, orb=1.0)
    assert expected == fidelity.measure(pixels, pixels)
