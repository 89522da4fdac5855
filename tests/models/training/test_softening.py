"""Tests of softening originals."""

import numpy as np
import pytest

from models.training.softening import soften
from tests.models.training.samples import picture, roughness


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (40, 31)])
def test_softened_originals_keep_their_shape(shape: tuple[int, int]) -> None:
    """Whatever is drawn, the size stays, and so do flat colours."""
    flat = np.full((*shape, 3), (9, 120, 250), np.uint8)
    for seed in range(12):
        np.testing.assert_array_equal(flat, soften(flat, np.random.default_rng(seed)))


def test_softening_takes_detail_away() -> None:
    """There is less contrast between neighbours, differently for each draw, the same for a seed."""
    pixels = picture(64, seed=1)
    results = [soften(pixels, np.random.default_rng(seed)) for seed in range(12)]
    for result in results:
        assert roughness(result) < 0.9 * roughness(pixels)
    assert len({result.tobytes() for result in results}) > len(results) / 2
    np.testing.assert_array_equal(results[0], soften(pixels, np.random.default_rng(0)))
