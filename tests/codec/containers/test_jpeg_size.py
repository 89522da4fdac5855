"""Tests of finding the size of JPEG files that may be odd."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.codec.containers import Unsupported, jpeg_size
from slimgate.codec.containers.jpeg_size import Size
from tests.codec.containers import samples
from tests.codec.pictures import crop, save
from tests.config.builders import steady

_FILE = save(crop("RGB", 65, 49), "JPEG", **samples.EVERYTHING)


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xCA, 0xCF])
def test_every_kind_of_frame_has_a_size(marker: int) -> None:
    """Size is read from a frame header of any coding."""
    assert jpeg_size.read(_FILE.replace(b"\xff\xc0", bytes([0xFF, marker]), 1)) == Size(65, 49)


def test_what_follows_the_frame_does_not_matter() -> None:
    """A file with anything behind its end, or cut off behind its frame header, has a size."""
    assert Size(65, 49) == jpeg_size.read(_FILE + b"trailing" * 100)
    frame = _FILE.index(b"\xff\xc0\x00\x11")
    assert jpeg_size.read(_FILE[: frame + 9]) == Size(65, 49)


def test_fill_bytes_are_skipped() -> None:
    """Markers may be preceded by any number of fill bytes."""
    assert Size(65, 49) == jpeg_size.read(_FILE[:2] + b"\xff" * 1000 + _FILE[2:])


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xff", b"\xff\xd8\xff\xd9", b"PNG",
        b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x10", b"\xff\xd8\xff\xda\x00\x08",
        b"\xff\xd8\xff\xe0\x00\x01", b"\xff\xd8\xff\xe0\xff\xff" + bytes(9), b"\xff\xd8\x00\xff",
        b"\xff\xd8" + b"\xff\xfe\x00\x02" * 5000,
    ],
)  # fmt: skip
def test_files_without_a_frame_are_refused(data: bytes) -> None:
    """A file without a frame header before its first scan is refused, in bounded time."""
    with pytest.raises(Unsupported):
        jpeg_size.read(data)


@steady
@given(st.binary(max_size=60))
def test_junk_raises_nothing_else(junk: bytes) -> None:
    """Any bytes have a size or are refused."""
    with contextlib.suppress(Unsupported):
        assert min(jpeg_size.read(b"\xff\xd8" + junk)) >= 1
