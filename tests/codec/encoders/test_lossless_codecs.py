"""Tests of WebP and JPEG XL without loss."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.codec.encoders import by_name, jxl, webp
from tests.codec.pictures import noise
from tests.config.builders import steady

_ENCODERS = {"webp": webp.encode_lossless, "jxl": jxl.encode_lossless}
_SHAPES: dict[str, tuple[int, ...]] = {"L": (), "RGB": (3,), "RGBA": (4,)}


@pytest.mark.parametrize("name", sorted(_ENCODERS))
@steady
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(sorted(_SHAPES)),
    st.integers(0, 9),
    st.booleans(),
)
def test_every_pixel_returns(
    name: str, width: int, height: int, mode: str, seed: int, flat: bool
) -> None:
    """Pixels of any size, mode and content are preserved, hidden colours included."""
    encode: Callable[..., bytes] = _ENCODERS[name]
    pixels = noise(height, width, *_SHAPES[mode], seed=seed)
    if flat:
        pixels = np.asarray(pixels // 200 * 255, dtype=np.uint8)
    decoded = by_name(name).read(encode(pixels, speed=9), mode=mode, width=width, height=height)
    np.testing.assert_array_equal(pixels, decoded)
