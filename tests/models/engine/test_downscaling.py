"""Tests of networks that shrink images for a restorer."""

import numpy as np
import pytest

from slimgate.models.engine import downscaling
from slimgate.models.engine.batching import BatchingQueue
from slimgate.models.engine.downscaling import DownscalingRestorer, stacked
from slimgate.models.engine.network import Pixels, stacked_channels
from slimgate.models.engine.network_restorer import NetworkRestorer
from slimgate.models.engines.interpolation import Interpolation
from slimgate.models.registry import native
from tests.models.fakes import FakeNetwork

_RANDOM = np.random.default_rng(5)


def _image(*shape: int) -> Pixels:
    return _RANDOM.integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_stacks_hold_the_small_image_and_the_blocks_of_the_original(scale: int) -> None:
    """Channels are the small colours, then each colour's block, row by row."""
    small, full = _image(4, 5, 3), _image(4 * scale, 5 * scale, 3)
    stack = stacked(small, full, scale)
    assert stack.shape == (4, 5, stacked_channels(scale))
    np.testing.assert_array_equal(stack[..., :3], small)
    for colour in range(3):
        for row in range(scale):
            for column in range(scale):
                channel = 3 + (colour * scale + row) * scale + column
                expected = full[row::scale, column::scale, colour]
                np.testing.assert_array_equal(stack[..., channel], expected)


def test_gray_counts_as_three_equal_colours() -> None:
    """The stack of a gray image is that of the same image in colour."""
    small, full = _image(4, 5), _image(8, 10)
    colours = stacked(np.dstack([small] * 3), np.dstack([full] * 3), 2)
    np.testing.assert_array_equal(stacked(small, full, 2), colours)


@pytest.mark.parametrize("gray", [False, True])
def test_a_downscaler_adds_its_residual_to_the_small_image(*, gray: bool) -> None:
    """The network computes the stack at level 0; alike for gray, whose colours are merged."""
    network = FakeNetwork(scale=1, channels=stacked_channels(2) + 1)
    shape = () if gray else (3,)
    small, full = _image(9, 7, *shape), _image(18, 14, *shape)
    with BatchingQueue(network, max_wait_ms=0, max_pixels=1 << 20) as queue:
        enlarger = NetworkRestorer(queue)
        refined = DownscalingRestorer(Interpolation("bicubic"), enlarger).refine(small, full, 2)
        colours = enlarger.upscale(stacked(small, full, 2), 1, level=0).astype(np.uint16)
    assert refined.shape == small.shape
    assert not np.array_equal(refined, small)
    mean = (colours[..., 0] + 2 * colours[..., 1] + colours[..., 2] + 2) >> 2
    np.testing.assert_array_equal(refined, mean if gray else colours)


@pytest.mark.parametrize("strip", [1, 7, 14, 50])
def test_strips_are_parts_of_the_whole(strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows are refined at once, the result is the same."""
    network = FakeNetwork(scale=1, channels=stacked_channels(2) + 1)
    small, full = _image(23, 7, 3), _image(46, 14, 3)
    with BatchingQueue(network, max_wait_ms=0, max_pixels=1 << 20) as queue:
        restorer = DownscalingRestorer(Interpolation("bicubic"), NetworkRestorer(queue))
        whole = restorer.refine(small, full, 2)
        monkeypatch.setattr(downscaling, "STRIP", strip)
        np.testing.assert_array_equal(restorer.refine(small, full, 2), whole)


def test_margins_cover_the_receptive_fields() -> None:
    """No shipped downscaler sees further than what strips add."""
    for card in native.CARDS:
        assert card.shrinks is None or card.receptive_field <= downscaling.MARGIN


def test_without_a_downscaler_shrunk_images_stay() -> None:
    """A restorer that was trained for Lanczos's filter gets what that returns."""
    restorer = DownscalingRestorer(Interpolation("bicubic"), None)
    small = _image(4, 5, 3)
    np.testing.assert_array_equal(restorer.refine(small, _image(8, 10, 3), 2), small)
    np.testing.assert_array_equal(
        restorer.upscale(small, 2, level=3), Interpolation("bicubic").upscale(small, 2)
    )
