"""Tests of reading what a JPEG XL file decodes to before it is decoded."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imagecodecs import jpegxl_encode, jpegxl_encode_jpeg

from slimgate.codec.containers import ContainerError, Malformed, bmff, jxl_header
from slimgate.codec.containers.jxl_header import Header
from tests.codec.pictures import crop, noise, save
from tests.config.builders import steady

_SHAPES: dict[int, tuple[int, ...]] = {1: (), 2: (2,), 3: (3,), 4: (4,)}


def _file(width: int, height: int, channels: int, *, lossless: bool) -> bytes:
    pixels = np.full((height, width, *_SHAPES[channels]), 9, dtype=np.uint8)
    options = {"lossless": True} if lossless else {"distance": 2.0}
    encoded = jpegxl_encode(pixels, effort=1, usecontainer=True, numthreads=1, **options)
    return bytes(encoded)


@steady
@given(
    st.one_of(st.integers(1, 300), st.sampled_from([512, 513, 1920, 8192, 8193, 20_000])),
    st.one_of(st.integers(1, 300), st.sampled_from([256, 1080])),
    st.sampled_from([1, 2, 3, 4]),
    st.booleans(),
)
def test_headers_tell_size_and_channels(
    width: int, height: int, channels: int, lossless: bool
) -> None:
    """The header reports size and channels of the source, for any proportions."""
    data = _file(width, height, channels, lossless=lossless)
    assert jxl_header.read(data) == Header(width, height, channels)
    assert jxl_header.read_size(data) == (width, height)


@pytest.mark.parametrize(
    ("width", "height"),
    [(40, 40), (48, 40), (40, 30), (60, 40), (160, 90), (50, 40), (80, 40), (41, 40), (256, 256)],
)
def test_short_forms_of_proportions_are_known(width: int, height: int) -> None:
    """Each of the seven proportions that have a code of their own is read."""
    assert jxl_header.read_size(_file(width, height, 3, lossless=True)) == (width, height)


def test_transcoded_files_tell_their_size() -> None:
    """A transcoded JPEG file, whose codestream comes in pieces, has the size of its frame."""
    data = save(crop("RGB", 65, 49), "JPEG")
    stored = bytes(jpegxl_encode_jpeg(data, usecontainer=True, numthreads=1))
    assert jxl_header.read_size(stored) == (65, 49)


@pytest.mark.parametrize("channels", _SHAPES)
def test_deep_files_tell_their_depth(channels: int) -> None:
    """The header of a lossless file of 16 bits reports the depth, with and without alpha."""
    samples = noise(30, 40, *_SHAPES[channels]).astype(np.uint16) * 255
    data = bytes(jpegxl_encode(samples, lossless=True, effort=1, usecontainer=True, numthreads=1))
    assert jxl_header.read(data) == Header(40, 30, channels, 16)


@pytest.mark.parametrize(
    "pixels",
    [
        noise(8, 8).astype(np.float32) / 255,
        noise(5, 8, 8, 3),
    ],
    ids=["float", "animation"],
)
def test_other_kinds_are_refused(pixels: np.ndarray) -> None:
    """Files that slimgate does not write are refused: they could decode to more than declared."""
    data = bytes(jpegxl_encode(pixels, lossless=True, effort=1, usecontainer=True, numthreads=1))
    with pytest.raises(Malformed):
        jxl_header.read(data)


@pytest.mark.parametrize("data", [b"", b"\xff\x0a", b"JXL ", b"\0\0\0\x0cJXL \x0d\x0a\x87\x0a"])
def test_other_files_are_refused(data: bytes) -> None:
    """A container without a codestream is refused."""
    with pytest.raises(Malformed):
        jxl_header.read(data)


def test_headers_that_end_too_early_are_refused() -> None:
    """Wherever the codestream ends within its header, it is refused."""
    whole = _file(20_000, 3, 1, lossless=True)
    start = next(box.body for box in bmff.boxes(whole) if box.type == b"jxlc")
    for length in range(8):
        box = (8 + length).to_bytes(4, "big") + b"jxlc" + whole[start : start + length]
        with pytest.raises(Malformed):
            jxl_header.read(whole[: start - 8] + box)


@steady
@given(st.binary(max_size=40))
def test_junk_raises_nothing_else(junk: bytes) -> None:
    """Any codestream is read or refused."""
    box = (10 + len(junk)).to_bytes(4, "big") + b"jxlc\xff\x0a" + junk
    with contextlib.suppress(ContainerError):
        header = jxl_header.read(box)
        assert header.channels in (1, 3, 4)
