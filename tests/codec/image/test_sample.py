"""Tests of the sample on which candidates are tried first."""

import numpy as np
import pytest

from slimgate.codec.image.sample import Sample
from tests.codec.pictures import noise, photo


@pytest.mark.parametrize("shape", [(16, 16), (144, 200, 3), (250, 250, 4), (16, 500)])
def test_a_small_image_is_its_own_sample(shape: tuple[int, ...]) -> None:
    """Where a sample would be most of the image, the image is taken, and measured whole."""
    pixels = noise(*shape)
    sample = Sample.of(pixels)
    assert (sample.share, sample.pixels is pixels) == (1.0, True)
    assert sample.inside(pixels) is pixels


@pytest.mark.parametrize(
    "shape", [(512, 512, 3), (900, 700), (2000, 3000, 4), (20, 9000, 3), (144, 1200)]
)
def test_a_sample_is_a_share_of_the_image(shape: tuple[int, ...]) -> None:
    """A sample has the channels of the image, its stated share of pixels, and a bounded size."""
    sample = Sample.of(noise(*shape))
    area = sample.pixels.shape[0] * sample.pixels.shape[1]
    assert pytest.approx(area / (shape[0] * shape[1])) == sample.share
    assert sample.pixels.shape[2:] == shape[2:]
    assert sample.share <= 0.5
    assert area <= 36 * 144 * 144


def test_tiles_are_pieces_of_the_image() -> None:
    """Every tile is a piece of the image that begins where blocks and scales begin."""
    height, width = 600, 800
    places = np.arange(height * width).reshape(height, width)
    pixels = np.dstack([places >> 16, places >> 8 & 255, places & 255]).astype(np.uint8)
    sample = Sample.of(pixels)
    rows, columns = (
        length // side for length, side in zip(sample.pixels.shape, sample.tile, strict=False)
    )
    for tile in range(rows * columns):
        top, left = tile // columns * sample.tile[0], tile % columns * sample.tile[1]
        piece = sample.pixels[top : top + sample.tile[0], left : left + sample.tile[1]]
        first = int(piece[0, 0] @ np.array([1 << 16, 1 << 8, 1]))
        y, x = divmod(first, width)
        assert (y % 48, x % 48) == (0, 0)
        assert np.array_equal(pixels[y : y + sample.tile[0], x : x + sample.tile[1]], piece)


def test_seams_are_left_out() -> None:
    """Only changes within eight pixels of a seam are ignored."""
    sample = Sample.of(photo("astronaut.png"))
    changed = sample.pixels.copy()
    for seam in range(0, changed.shape[0] + 1, sample.tile[0]):
        changed[max(0, seam - 8) : seam + 8] ^= 255
        changed[:, max(0, seam - 8) : seam + 8] ^= 255
    assert np.array_equal(sample.inside(sample.pixels), sample.inside(changed))
    metadata = (sample.tile[0] - 16) * (changed.shape[0] // sample.tile[0])
    assert sample.inside(changed).shape == (metadata, metadata, 3)
