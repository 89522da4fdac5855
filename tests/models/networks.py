"""Small random integer networks, whose activations fill the range that they are given."""

import itertools

import numpy as np

from slimgate.models.formats.integer import MAX_WEIGHT, RESIDUAL_EXPONENT, IntegerNetwork, Layer


def integer_network(
    scale: int, *, seed: int, width: int = 8, depth: int = 2, max_weight: int = MAX_WEIGHT
) -> IntegerNetwork:
    """Make a network with weights up to the largest that are allowed."""
    random = np.random.default_rng(seed)
    channels = [4, *[width] * (depth + 1), 3 * scale * scale]
    last = len(channels) - 2
    return IntegerNetwork(
        scale,
        tuple(
            _layer(random, before, after, index, last, max_weight)
            for index, (before, after) in enumerate(itertools.pairwise(channels))
        ),
    )


def _layer(
    random: np.random.Generator, before: int, after: int, index: int, last: int, max_weight: int
) -> Layer:
    weight = random.integers(-max_weight, max_weight + 1, (after, before, 3, 3)).astype(np.int8)
    # Sums of random signs grow with the root of their number; this keeps activations in range.
    gain = round(float(np.log2(before * 9) / 2 + np.log2(max_weight / 2)))
    exponents = random.integers(gain - 1, gain + 1, after)
    return Layer(
        weight=weight,
        bias=random.integers(-2000, 2001, after).astype(np.int32),
        weight_exponents=exponents.astype(np.int64),
        exponent=RESIDUAL_EXPONENT if index == last else RESIDUAL_EXPONENT - index % 2,
        skip=index == last - 1,
    )


def random_tiles(
    count: int, side: int, *, seed: int, channels: int = 4
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Draw tiles of noise, half of them saturated: (count, side, side, channels)."""
    random = np.random.default_rng(seed)
    tiles = random.integers(0, 256, (count, side, side, channels), dtype=np.uint8)
    tiles[::2] = np.where(tiles[::2] > 127, 255, 0)
    return tiles
