"""Each measure of a report against scikit-image or OpenCV."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from skimage.transform import downscale_local_mean

from bench import reference
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import structure
from slimgate.codec.measures.orb import KeyPoints, orb
from slimgate.codec.measures.psnr import psnr
from slimgate.eval.measure.measures import Original, psnr_luma

TOLERANCE = 1e-6
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
SHAPES = [(211, 300, 3), (400, 177), (530, 190, 3), (60, 40, 3)]

_mean: Callable[..., Any] = downscale_local_mean


def _pair(shape: tuple[int, ...], noise: float = 12.0) -> tuple[Pixels, Pixels]:
    """Draw something with edges and flats, and spoil it."""
    random = np.random.default_rng(sum(shape))
    coarse = random.integers(0, 256, (shape[0] // 9 + 1, shape[1] // 9 + 1, *shape[2:]))
    original = coarse.repeat(9, axis=0).repeat(9, axis=1)[: shape[0], : shape[1]]
    spoiled = np.clip(original + random.normal(4, noise, original.shape), 0, 255)
    return original.astype(np.uint8), spoiled.astype(np.uint8)


def _multi_scale(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """Compute MS-SSIM by scikit-image: with a huge K1 its luminance term is 1."""
    product = 1.0
    for scale, weight in enumerate(WEIGHTS):
        last = scale == len(WEIGHTS) - 1
        product *= reference.ssim(x, y, k1=0.01 if last else 1e6) ** weight
        even = np.s_[: x.shape[0] // 2 * 2, : x.shape[1] // 2 * 2]
        x, y = (_mean(each[even], (2, 2)) for each in (x, y))
    return product


@pytest.mark.parametrize("shape", SHAPES)
def test_psnr_and_ssim_are_those_of_scikit_image(shape: tuple[int, ...]) -> None:
    """PSNR of colour and of luma and SSIM agree with the reference to a millionth."""
    original, spoiled = _pair(shape)
    taken = Original(original).measure(spoiled)
    luma = reference.luma(original), reference.luma(spoiled)
    assert taken.psnr_db == pytest.approx(reference.psnr(original, spoiled), abs=TOLERANCE)
    assert taken.psnr_luma_db == pytest.approx(reference.psnr(*luma), abs=TOLERANCE)
    assert taken.ssim == pytest.approx(reference.ssim(*luma), abs=TOLERANCE)


@pytest.mark.parametrize("shape", SHAPES[:3])
def test_ms_ssim_is_that_of_scikit_image_at_five_scales(shape: tuple[int, ...]) -> None:
    """MS-SSIM agrees with one made of scikit-image's similarities to a millionth."""
    original, spoiled = _pair(shape)
    expected = _multi_scale(reference.luma(original), reference.luma(spoiled))
    assert structure.compare(original, spoiled).ms_ssim == pytest.approx(expected, abs=TOLERANCE)


def test_similarity_is_not_defined_on_small_images() -> None:
    """Below its window there is no SSIM, and below five scales no MS-SSIM."""
    original, spoiled = _pair((175, 200))
    assert None is structure.compare(original, spoiled).ms_ssim
    assert structure.compare(original[:10], spoiled[:10]) == structure.Structure(None, None)


@pytest.mark.parametrize("shape", SHAPES)
def test_orb_is_the_share_that_floors_are_about(shape: tuple[int, ...]) -> None:
    """ORB similarity with key points that are found once is the referee's."""
    original, spoiled = _pair(shape)
    assert orb(original, spoiled) == Original(original).measure(spoiled).orb


def test_matched_share_counts_matches_by_opencv() -> None:
    """The match-only ratio is the near ones of OpenCV's cross-checked matches."""
    original, spoiled = _pair((211, 300, 3), noise=40.0)
    points: list[Any] = [
        cv2.ORB.create(500).detectAndCompute(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), None)[1]
        for each in (original, spoiled)
    ]
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(*points)
    near = [match for match in matches if match.distance <= 50]
    found = KeyPoints.of(original).found_in(spoiled)
    assert 0 < len(near) < len(matches)
    assert (len(near) / len(matches), True) == (found.matched, found.share < 1)


def test_images_without_key_points_are_alike() -> None:
    """Two flat images have every key point in common, a flat and a busy one none."""
    flat, (busy, _) = np.zeros((200, 200), np.uint8), _pair((200, 200, 3))
    points = KeyPoints.of(flat)
    assert (points.found_in(flat).share, points.found_in(flat).matched) == (1.0, None)
    assert points.found_in(busy).share == 0.0


def test_worst_block_is_the_worst_of_scikit_image() -> None:
    """The worst block's PSNR is the least that scikit-image finds of any block."""
    original, spoiled = _pair((128, 192, 3))
    blocks = [np.s_[y : y + 64, x : x + 64] for y in (0, 64) for x in (0, 64, 128)]
    expected = min(reference.psnr(original[b], spoiled[b]) for b in blocks)
    assert Original(original).measure(spoiled).block_psnr_db == pytest.approx(expected)


def test_a_ruined_alpha_counts() -> None:
    """With alpha the worse of colour and alpha is what is measured."""
    colour, alpha = _pair((180, 200, 3)), _pair((180, 200), noise=50.0)
    both = [np.dstack(planes) for planes in zip(colour, alpha, strict=True)]
    taken = Original(both[0]).measure(both[1])
    assert psnr_luma(both[0], both[1]) == psnr(*alpha) == taken.psnr_db
    assert structure.compare(*alpha).ms_ssim == taken.ms_ssim


def test_identical_pixels_are_perfect() -> None:
    """Nothing is below perfect where nothing differs."""
    original, _ = _pair((200, 200, 3))
    taken = Original(original).measure(original.copy())
    assert (taken.psnr_db, taken.psnr_luma_db, taken.block_psnr_db) == (99.99, 99.99, 99.99)
    assert pytest.approx([taken.ssim, taken.ms_ssim, taken.orb, taken.orb_matched]) == [1.0] * 4
