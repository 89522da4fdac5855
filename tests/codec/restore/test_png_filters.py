"""Tests of filtering the rows of PNG files."""

import zlib

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.codec.containers import png
from slimgate.codec.image.pixels import Pixels, decode
from slimgate.codec.restore import png_filters
from slimgate.codec.restore.png_filters import filtered
from tests.codec.pictures import crop, noise
from tests.config.builders import steady

_SHAPES: dict[str, tuple[int, ...]] = {"L": (), "RGB": (3,), "RGBA": (4,)}


@steady
@given(st.data(), st.sampled_from(sorted(_SHAPES)), st.integers(1, 20), st.integers(1, 300))
def test_decoders_undo_any_filters(data: st.DataObject, mode: str, width: int, height: int) -> None:
    """Rows filtered with any types, in any order, are decoded to the same pixels."""
    kinds = data.draw(st.binary(min_size=height, max_size=height))
    kinds = bytes(kind % 5 for kind in kinds)
    pixels = noise(height, width, *_SHAPES[mode], seed=width)
    stream = zlib.compress(b"".join(filtered(pixels, kinds)))
    file = png.make_file((width, height), pixels.size // (width * height), [stream])
    decoded = decode(file, format_="PNG", mode=mode, width=width, height=height)
    np.testing.assert_array_equal(pixels, decoded)


@pytest.mark.parametrize("kinds", [b"", bytes(19), bytes(21), b"\x05" * 20, b"\0" * 19 + b"\xff"])
def test_types_of_another_image_are_refused(kinds: bytes) -> None:
    """There is one type for each row, and none above 4."""
    with pytest.raises(ValueError, match="do not fit"):
        list(filtered(crop("RGB", 20, 20), kinds))


@steady
@given(st.sampled_from(sorted(_SHAPES)), st.integers(1, 20), st.integers(1, 300), st.integers(0, 9))
def test_chosen_filters_leave_the_smallest_differences(
    mode: str, width: int, height: int, seed: int
) -> None:
    """No row would have a smaller sum of signed differences with another filter."""
    pixels = noise(height, width, *_SHAPES[mode], seed=seed)
    chosen = png_filters.smallest_sums(pixels)
    sums = [_sums(pixels, bytes([kind]) * height) for kind in range(5)]
    np.testing.assert_array_equal(np.min(sums, axis=0), _sums(pixels, chosen))


def _sums(pixels: Pixels, kinds: bytes) -> npt.NDArray[np.int64]:
    stream = np.frombuffer(b"".join(filtered(pixels, kinds)), np.uint8)
    rows = stream.reshape(pixels.shape[0], -1)[:, 1:]
    return np.asarray(np.abs(rows.view(np.int8).astype(np.int64)).sum(axis=1), np.int64)
