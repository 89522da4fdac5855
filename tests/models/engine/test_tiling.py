"""Tests of cutting images into tiles."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimgate.models.engine.network import Pixels, Tiles
from slimgate.models.engine.tiling import Tiling, tiling_of
from tests.models.fakes import FakeNetwork

_RANDOM = np.random.default_rng(11)


def _image(height: int, width: int) -> Pixels:
    return _RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8)


def _tiled(network: FakeNetwork, pixels: Pixels, canvas: Pixels, level: int) -> Pixels:
    """Compute an image tile by tile, the last one first."""
    tiling = tiling_of(network, pixels)
    for number in reversed(range(len(tiling))):
        tiles = np.empty((1, network.tile, network.tile, 4), np.uint8)
        tiling.cut(pixels, number, level=level, out=tiles[0])
        tiling.paste(network.run(tiles)[0], number, canvas)
    return canvas


def _expected(before: Pixels, result: Tiles) -> Pixels:
    """Put a result on a canvas, in the plainest way."""
    full = result.astype(np.int64)
    if result.dtype == np.int8:
        full = np.clip(before.reshape(*before.shape[:2], -1) + full, 0, 255)
    if before.ndim == 2:
        full = (full[..., 0] + 2 * full[..., 1] + full[..., 2] + 2) >> 2
    return full.astype(np.uint8)


_NETWORKS = st.builds(
    lambda depth, more, **other: FakeNetwork(depth=depth, halo=depth + more, **other),
    depth=st.integers(1, 3),
    more=st.integers(0, 2),
    scale=st.integers(1, 4),
    core=st.integers(1, 9),
    gives=st.sampled_from(["residual", "pixels"]),
)


@settings(deadline=None)
@given(
    network=_NETWORKS,
    size=st.tuples(st.integers(1, 23), st.integers(1, 23)),
    level=st.integers(0, 255),
    gray=st.booleans(),
)
def test_tiled_is_untiled(
    network: FakeNetwork, size: tuple[int, int], level: int, gray: bool
) -> None:
    """Tiled and whole results are equal for every size, scale, halo and canvas."""
    pixels = _image(*size)
    canvas = _image(size[0] * network.scale, size[1] * network.scale)
    canvas = np.ascontiguousarray(canvas[..., 0]) if gray else canvas
    expected = _expected(canvas, network.whole(pixels, level))
    np.testing.assert_array_equal(expected, _tiled(network, pixels, canvas, level))


def test_a_halo_below_the_receptive_field_shows() -> None:
    """The network of these tests notices one pixel too few: its equality means something."""
    network = FakeNetwork(depth=3, halo=2, core=5, gives="pixels")
    pixels = _image(17, 17)
    canvas = np.zeros((34, 34, 3), np.uint8)
    expected = FakeNetwork(depth=3, halo=3, core=5, gives="pixels").whole(pixels, 9)
    assert not np.array_equal(expected, _tiled(network, pixels, canvas, 9))


@pytest.mark.parametrize("number", range(6))
def test_tiles_repeat_edges_and_carry_the_level(number: int) -> None:
    """A tile is a window of the image extended by repeated edges, and its fourth channel level."""
    pixels = _image(7, 11)
    tiling = Tiling(7, 11, tile=10, halo=3, scale=1)
    assert len(tiling) == 2 * 3
    out = np.empty((10, 10, 4), np.uint8)
    tiling.cut(pixels, number, level=77, out=out)
    extended = np.pad(pixels, ((3, 20), (3, 20), (0, 0)), mode="edge")
    row, column = 4 * (number // 3), 4 * (number % 3)
    np.testing.assert_array_equal(extended[row : row + 10, column : column + 10], out[..., :3])
    assert set(out[..., 3].flat) == {77}


@pytest.mark.parametrize(
    ("before", "residual", "after"), [(250, 127, 255), (5, -128, 0), (100, -1, 99), (0, 0, 0)]
)
def test_residuals_stay_within_pixels(before: int, residual: int, after: int) -> None:
    """A sum beyond 0 to 255 is cut off and never wraps, in colour and gray."""
    tiling = Tiling(2, 2, tile=2, halo=0, scale=1)
    result = np.full((2, 2, 3), residual, np.int8)
    for shape in ((2, 2, 3), (2, 2)):
        canvas = np.full(shape, before, np.uint8)
        tiling.paste(result, 0, canvas)
        assert set(canvas.flat) == {after}


def test_nothing_is_copied_but_one_tile() -> None:
    """Cutting and pasting all tiles of a large image needs no more memory than a few tiles."""
    pixels, tiling = np.zeros((3000, 2000, 3), np.uint8), Tiling(3000, 2000, 128, 8, 1)
    canvas, out = np.zeros_like(pixels), np.empty((128, 128, 4), np.uint8)
    tracemalloc.start()
    try:
        for number in range(len(tiling)):
            tiling.cut(pixels, number, level=0, out=out)
            tiling.paste(out[..., :3].view(np.int8), number, canvas)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * out.nbytes < pixels.nbytes / 20


@pytest.mark.parametrize(("tile", "halo"), [(8, 4), (8, 5), (8, -1), (0, 0)])
def test_tiles_without_a_core_are_refused(tile: int, halo: int) -> None:
    """A halo that leaves nothing is an error and no endless loop."""
    with pytest.raises(ValueError, match="leaves nothing"):
        Tiling(8, 8, tile, halo, 1)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
)
def test_what_is_no_image_is_refused(pixels: Pixels) -> None:
    """Other shapes and types are errors that say what is expected."""
    with pytest.raises(ValueError, match="must be uint8"):
        tiling_of(FakeNetwork(), pixels)
