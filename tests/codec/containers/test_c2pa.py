"""Tests of recognizing content credentials."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.codec.containers import c2pa
from tests.codec.containers.credentials import in_jpeg, in_png, in_webp, superbox
from tests.codec.containers.jpeg_parts import BARE
from tests.codec.containers.samples import save
from tests.config.builders import steady

_SIGNED = superbox(b"c2pa")
_PNG = save("RGB", "PNG")
_WEBP = save("RGB", "WEBP")


@pytest.mark.parametrize(
    "data",
    [
        in_jpeg(BARE, _SIGNED),
        in_jpeg(BARE, _SIGNED, long=True),
        in_jpeg(in_jpeg(BARE, _SIGNED), superbox(b"other")),
        b"\xff\xd8\xff\xff" + in_jpeg(BARE, _SIGNED)[3:],
        in_png(_PNG, _SIGNED),
        in_webp(_WEBP, _SIGNED),
        in_webp(_WEBP, b""),
    ],
)
def test_credentials_are_found(data: bytes) -> None:
    """Credentials are found in files of each format, beside other segments and fill bytes."""
    assert c2pa.is_signed(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        BARE,
        _PNG,
        _WEBP,
        in_jpeg(BARE, superbox(b"c2pa.other")),
        in_jpeg(BARE, superbox(b"SamsungTag")),
        BARE + in_jpeg(BARE, _SIGNED)[2:],
        _PNG + in_png(_PNG, _SIGNED),
    ],
)
def test_other_files_have_none(data: bytes) -> None:
    """Boxes with other labels, and those behind the image, are no credentials of it."""
    assert not c2pa.is_signed(data)


@steady
@given(
    st.sampled_from([in_jpeg(BARE, _SIGNED), in_png(_PNG, _SIGNED), in_webp(_WEBP, _SIGNED)]),
    st.integers(0, 500),
    st.binary(max_size=6),
)
def test_damaged_files_raise_nothing(data: bytes, at: int, piece: bytes) -> None:
    """Any bytes are signed or not."""
    assert c2pa.is_signed(data[:at] + piece + data[at + len(piece) :]) in (True, False)
    assert c2pa.is_signed(data[:at]) in (True, False)


def test_long_files_take_no_time() -> None:
    """Segments and chunks without end are bounded."""
    assert not c2pa.is_signed(b"\xff\xd8" + b"\xff\xe0\0\2" * 1_000_000)
    assert not c2pa.is_signed(b"\xff\xd8" + b"\xff" * 8_000_000)
    assert not c2pa.is_signed(b"RIFF\0\0\0\0WEBP" + b"abcd\0\0\0\0" * 1_000_000)
