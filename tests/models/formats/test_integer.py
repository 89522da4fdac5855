"""Tests of what an integer network is."""

from dataclasses import replace

import numpy as np
import pytest

from slimgate.models.formats.integer import Inexact, IntegerNetwork, Layer
from tests.models.networks import integer_network, random_tiles


def _single(weight: int, *, bias: int = 0, exponent: int = 0, skip: bool = False) -> Layer:
    """Make a layer that looks at the red channel in the middle alone."""
    kernel = np.zeros((3, 4, 3, 3), np.int8)
    kernel[:, 0, 1, 1] = weight
    return Layer(
        weight=kernel,
        bias=np.full(3, bias, np.int32),
        weight_exponents=np.full(3, exponent, np.int64),
        exponent=8,
        skip=skip,
    )


@pytest.mark.parametrize(
    ("red", "weight", "bias", "exponent", "expected"),
    [
        (10, 2, 0, 0, 20),
        (10, -3, 0, 0, -30),
        (5, 1, 0, 1, 2),  # 2.5 is rounded to even
        (7, 1, 0, 1, 4),  # 3.5 too
        (5, 1, 1, 1, 3),
        (200, 1, 0, 0, 127),
        (200, -1, 0, 0, -128),
    ],
)
def test_a_single_layer_is_computed_by_hand(
    red: int, weight: int, bias: int, exponent: int, expected: int
) -> None:
    """Sums are scaled by a power of two, rounded half to even and clipped."""
    network = IntegerNetwork(1, (_single(weight, bias=bias, exponent=exponent),))
    tiles = np.zeros((1, 2, 3, 4), np.uint8)
    tiles[..., 0] = red
    np.testing.assert_array_equal(np.full((1, 2, 3, 3), expected, np.int8), network.residual(tiles))


def test_depth_to_space_spreads_channels_over_blocks() -> None:
    """Channel c·s² + row·s + column of a small pixel is colour c at that place of its block."""
    layer = Layer(
        weight=np.zeros((12, 4, 3, 3), np.int8),
        bias=np.arange(12, dtype=np.int32),
        weight_exponents=np.zeros(12, np.int64),
        exponent=8,
    )
    network = IntegerNetwork(
        2, (replace(layer, bias=layer.bias << 8, weight_exponents=np.full(12, 8)),)
    )
    full = network.residual(np.zeros((1, 1, 1, 4), np.uint8))[0]
    expected = [
        [[colour * 4 + row * 2 + column for colour in range(3)] for column in range(2)]
        for row in range(2)
    ]
    np.testing.assert_array_equal(expected, full)


def test_a_tile_does_not_depend_on_others() -> None:
    """Batches are computed tile by tile."""
    network = integer_network(2, seed=1)
    tiles = random_tiles(3, 12, seed=2)
    alone = [network.residual(tiles[index : index + 1]) for index in range(3)]
    np.testing.assert_array_equal(np.concatenate(alone), network.residual(tiles))


def test_results_reach_no_further_than_they_say() -> None:
    """A pixel changes results up to ``reach`` away, and none beyond."""
    network = integer_network(1, seed=3)
    tiles = random_tiles(1, 21, seed=4)
    changed = tiles.copy()
    changed[0, 10, 10, :3] ^= 255
    rows, columns = np.nonzero(
        (network.residual(tiles) != network.residual(changed)).any(axis=-1)[0]
    )
    assert network.reach == max(np.abs(rows - 10).max(), np.abs(columns - 10).max())


def test_too_large_weights_are_refused() -> None:
    """Beyond ±64, processors without VNNI would saturate."""
    network = IntegerNetwork(1, (_single(65),))
    with pytest.raises(Inexact, match="layer 0: a weight is beyond ±64"):
        network.prove()


@pytest.mark.parametrize("bias", [1 << 24, -(1 << 24), (1 << 24) - 255])
def test_too_large_sums_are_refused(bias: int) -> None:
    """Sums that float32 cannot represent exactly are refused."""
    network = IntegerNetwork(1, (_single(1, bias=bias),))
    with pytest.raises(Inexact, match="layer 0: a sum may reach"):
        network.prove()


def test_the_largest_sum_is_found() -> None:
    """The bound is that of all partial sums: the larger of both signs, and the bias."""
    assert IntegerNetwork(1, (_single(-64, bias=100),)).prove() == 255 * 64 + 100


def test_a_skip_far_from_its_sum_is_refused() -> None:
    """A skip in a much coarser unit than the sum would need more bits than there are."""
    first = replace(
        _single(1),
        exponent=0,
        weight=np.zeros((4, 4, 3, 3), np.int8),
        bias=np.zeros(4, np.int32),
        weight_exponents=np.zeros(4, np.int64),
    )
    second = replace(first, exponent=0, skip=True, weight_exponents=np.full(4, 17, np.int64))
    network = IntegerNetwork(1, (first, second, _single(1)))
    with pytest.raises(Inexact, match="layer 1: a sum may reach"):
        network.prove()


def test_the_last_layer_gives_pixel_steps() -> None:
    """A network in another unit would be added to pixels wrongly."""
    with pytest.raises(Inexact, match="whole pixel steps"):
        IntegerNetwork(1, (replace(_single(1), exponent=7),)).prove()
