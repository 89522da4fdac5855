"""Tests of softening originals."""

import itertools

import numpy as np
import pytest

from slimgate.models.training.softening import soften
from tests.models.training.samples import picture, roughness

_MOST_GRAIN = 4


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (40, 31)])
def test_softened_originals_keep_their_shape(shape: tuple[int, int]) -> None:
    """Every draw keeps the size; flat colours stay, get grain, or become gray."""
    flat = np.full((*shape, 3), (30, 120, 220), np.uint8)
    for seed in range(24):
        soft = soften(flat, np.random.default_rng(seed))
        assert flat.shape == soft.shape
        assert soft.dtype == np.uint8
        gray = (soft == soft[..., :1]).all()
        expected = np.full_like(flat, 104) if gray else flat  # 0.299 R + 0.587 G + 0.114 B
        assert np.abs(expected - soft.astype(int)).max() <= 6 * _MOST_GRAIN


def test_some_softened_originals_have_grain_and_some_are_gray() -> None:
    """Of many draws some stay flat, some get grain, some lose their colours, some both."""
    flat = np.full((24, 24, 3), (30, 120, 220), np.uint8)
    found = set()
    for seed in range(60):
        soft = soften(flat, np.random.default_rng(seed))
        gray = bool((soft == soft[..., :1]).all())
        found.add((gray, bool(soft.std(axis=(0, 1)).max() > 0)))
        assert soft.std(axis=(0, 1)).max() < 1.3 * _MOST_GRAIN
    assert found == {(False, False), (False, True), (True, False), (True, True)}


def test_softening_takes_detail_away() -> None:
    """There is less contrast between neighbours, differently for each draw, the same for a seed."""
    pixels = picture(64, seed=1)
    results = [soften(pixels, np.random.default_rng(seed)) for seed in range(12)]
    smooth = [not soften(np.zeros_like(pixels), np.random.default_rng(i)).any() for i in range(12)]
    assert any(smooth)  # the others have grain
    for result in itertools.compress(results, smooth):
        assert roughness(result) < 0.9 * roughness(pixels)
    assert len({result.tobytes() for result in results}) > len(results) / 2
    np.testing.assert_array_equal(results[0], soften(pixels, np.random.default_rng(0)))
