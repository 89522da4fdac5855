"""Tests of degrading images at random."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimgate.models.training import degradations
from slimgate.models.training.data_settings import Degradations
from tests.models.training.samples import Pixels, picture

_HOW = Degradations()
_GENTLE = Degradations(
    second=0, sinc=0, blur_sigma=(0.01, 0.01), resize=(1, 1), noise_sigma=(0.01, 0.01),
    poisson=(0.01, 0.01), jpeg=(100, 100),
)  # fmt: skip


def _degraded(seed: int, how: Degradations = _HOW, size: tuple[int, int] = (24, 30)) -> Pixels:
    pixels = picture(60, seed=1)
    return degradations.degrade(pixels, size, how, np.random.default_rng(seed))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.tuples(st.integers(8, 40), st.integers(8, 40)))
def test_results_are_images_of_the_size(seed: int, size: tuple[int, int]) -> None:
    """Every draw yields an image of the requested size."""
    result = _degraded(seed, size=size)
    assert result.shape == (*size, 3)
    assert result.dtype == np.uint8


def test_the_same_seed_gives_the_same() -> None:
    """The seed determines everything; another seed yields another result."""
    np.testing.assert_array_equal(_degraded(3), _degraded(3))
    assert not np.array_equal(_degraded(3), _degraded(4))


def test_the_input_is_left_alone() -> None:
    """The original is not written to."""
    pixels = picture(60, seed=1)
    degradations.degrade(pixels, (30, 30), _HOW, np.random.default_rng(0))
    np.testing.assert_array_equal(picture(60, seed=1), pixels)


def test_settings_of_nothing_change_next_to_nothing() -> None:
    """With every strength at its least, the image stays what it was."""
    pixels = picture(60, seed=1)
    result = _degraded(0, _GENTLE, (60, 60))
    assert np.abs(result.astype(np.int64) - pixels).mean() < 3


@pytest.mark.parametrize(
    "harder", [{"blur_sigma": (3, 3)}, {"noise_sigma": (40, 40), "poisson": (4, 4)},
               {"jpeg": (5, 5)}, {"resize": (0.15, 0.15)}, {"second": 1, "jpeg": (30, 30)}],
)  # fmt: skip
def test_every_setting_degrades(harder: dict[str, object]) -> None:
    """Each strength on its own takes an image further from what it was."""
    pixels = picture(60, seed=1).astype(np.int64)
    gentle, hard = (
        np.mean([np.abs(_degraded(seed, how, (60, 60)) - pixels).mean() for seed in range(4)])
        for how in (_GENTLE, Degradations.model_validate(_GENTLE.model_dump() | harder))
    )
    assert hard > 1.5 * gentle


@pytest.mark.parametrize("seed", range(5))
def test_kernels_keep_brightness(seed: int) -> None:
    """Every kernel is square, odd and sums up to one."""
    random = np.random.default_rng(seed)
    oval = degradations.gaussian_kernel(random, np.array([3.0, 0.5]), 0.4)
    for kernel in (oval, degradations.sinc_kernel(random)):
        assert (kernel.shape[0] % 2, kernel.shape[0]) == (1, kernel.shape[1])
        assert float(kernel.sum()) == pytest.approx(1, abs=1e-5)


def test_sinc_kernels_ring_and_gaussian_ones_do_not() -> None:
    """A sinc kernel has negative weights; a Gaussian one falls along its narrow axis faster."""
    random = np.random.default_rng(0)
    assert degradations.sinc_kernel(random).min() < 0
    oval = degradations.gaussian_kernel(random, np.array([3.0, 1.0]), 0.0)
    middle = len(oval) // 2
    assert oval.min() >= 0
    assert oval[middle, middle + 2] > oval[middle + 2, middle]


def test_gray_noise_is_the_same_in_all_channels() -> None:
    """Noise that is drawn gray moves the three channels of a gray image alike."""
    flat = np.full((16, 16, 3), 128, np.float32)
    how = _HOW.model_copy(update={"gray": 1.0})
    for seed in range(6):
        result = degradations.noisy(flat, how, np.random.default_rng(seed))
        assert result.std() > 0
        np.testing.assert_array_equal(result[..., 0], result[..., 1])
        np.testing.assert_array_equal(result[..., 0], result[..., 2])
