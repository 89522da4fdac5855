"""The PSNR of the worst block against scikit-image."""

from collections.abc import Callable

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures.block import block_psnr
from slimgate.codec.measures.psnr import PERFECT_PSNR_DB, psnr
from tests.codec.pictures import crop, noise, worsened


def _reference_block_psnr(original: Pixels, restored: Pixels) -> float:
    height, width = original.shape[:2]
    starts = [[*range(0, max(n - 64, 0), 64), max(n - 64, 0)] for n in (height, width)]
    blocks = [np.s_[y : y + 64, x : x + 64] for y in starts[0] for x in starts[1]]
    measure: Callable[..., float] = peak_signal_noise_ratio
    return min(measure(original[block], restored[block], data_range=255) for block in blocks)


@pytest.mark.parametrize("size", [(64, 64), (30, 200), (129, 65), (200, 191), (700, 40), (16, 16)])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_the_worst_block_is_found(size: tuple[int, int], channels: tuple[int, ...]) -> None:
    """The PSNR of the worst block is the least of scikit-image's over all blocks."""
    original = noise(*size, *channels)
    restored = worsened(original, 5)
    restored[-9:, -7:] = worsened(original[-9:, -7:], 60)
    expected = _reference_block_psnr(original, restored)
    assert block_psnr(original, restored) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("channel", [0, 3])
def test_a_ruined_block_of_colour_or_alpha_is_found(channel: int) -> None:
    """One bad block of one channel decides, while the mean hardly moves."""
    original = crop("RGBA", 250, 240)
    restored = original.copy()
    restored[70:90, 100:120, channel] ^= 128
    assert block_psnr(original, restored) < psnr(original, restored) - 5
    assert block_psnr(original, original.copy()) == PERFECT_PSNR_DB
