"""Tests of JPEG files that return byte for byte."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.codec.containers import ContainerError, bmff, jxl_header
from slimgate.codec.image.pixels import Undecodable
from slimgate.codec.restore import exact
from tests.codec.containers import samples
from tests.codec.pictures import crop, noise, save
from tests.config.builders import steady

_SIZE = (65, 49)
_FILES: dict[str, bytes] = {
    "gray": save(crop("L", *_SIZE), "JPEG"),
    "4:4:4": save(crop("RGB", *_SIZE), "JPEG", subsampling="4:4:4"),
    "4:2:2": save(crop("RGB", *_SIZE), "JPEG", subsampling="4:2:2"),
    "4:2:0 progressive": save(crop("RGB", *_SIZE), "JPEG", progressive=True),
    "optimized": save(crop("RGB", *_SIZE), "JPEG", optimize=True, quality=97),
    "restarts": save(crop("RGB", *_SIZE), "JPEG", restart_marker_blocks=3),
    "described": save(crop("RGB", *_SIZE), "JPEG", comment=b"kept", **samples.EVERYTHING),
    "more behind": save(crop("RGB", *_SIZE), "JPEG") + b"a gain map or a video" * 50,
    "broken exif": save(crop("RGB", *_SIZE), "JPEG", exif=b"Exif\0\0no TIFF at all"),
    "noise": save(noise(49, 65, 3), "JPEG", quality=100),
}


@pytest.mark.parametrize("data", _FILES.values(), ids=_FILES.keys())
def test_files_return_byte_for_byte(data: bytes) -> None:
    """Every accepted file is reproduced, including the bytes after its end."""
    stored = exact.transcode(data)
    assert stored is not None
    assert exact.restore(stored, size=_SIZE, length=len(data)) == data


def test_large_photographs_become_smaller() -> None:
    """A photograph loses a good part of its bytes and nothing else."""
    data = save(crop("RGB", 300, 300), "JPEG", quality=90)
    stored = exact.transcode(data)
    assert stored is not None
    assert len(stored) < 0.9 * len(data)


_REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "text": b"no image",
    "PNG": save(crop("RGB", *_SIZE), "PNG"),
    "cut off": _FILES["4:4:4"][:1000],
}


@pytest.mark.parametrize("data", _REFUSED.values(), ids=_REFUSED.keys())
def test_what_cannot_be_reproduced_is_none(data: bytes) -> None:
    """A file that the codec cannot reproduce is declined without an error."""
    assert exact.transcode(data) is None


@steady
@given(st.integers(0, 2000), st.integers(1, 255), st.sampled_from(sorted(_FILES)))
def test_damaged_files_return_or_are_not_taken(position: int, flip: int, name: str) -> None:
    """An upload with any wrong byte is reproduced with that byte, or declined."""
    data = bytearray(_FILES[name])
    data[position % len(data)] ^= flip
    stored = exact.transcode(bytes(data))
    if stored is not None:
        size = jxl_header.read_size(stored)
        assert bytes(data) == exact.restore(stored, size=size, length=len(data))


def _good() -> tuple[bytes, bytes]:
    data = _FILES["described"]
    stored = exact.transcode(data)
    assert stored is not None
    return data, stored


@pytest.mark.parametrize("size", [(64, 49), (65, 50), (49, 65), (60_000, 60_000)])
def test_other_sizes_are_refused(size: tuple[int, int]) -> None:
    """A rendition of another size than its manifest says is refused from its header."""
    data, stored = _good()
    with pytest.raises(Undecodable, match="is not an image of"):
        exact.restore(stored, size=size, length=len(data))


def test_no_more_bytes_than_promised_are_written() -> None:
    """A rendition that decodes to a longer file than its manifest declares is refused."""
    data, stored = _good()
    with pytest.raises(Undecodable):
        exact.restore(stored, size=_SIZE, length=len(data) - 1)


def test_truncated_renditions_are_refused() -> None:
    """Wherever a rendition ends too early, an error that is documented says so."""
    data, stored = _good()
    for end in range(0, len(stored) - 1, 37):
        with pytest.raises((Undecodable, ContainerError)):
            exact.restore(stored[:end], size=_SIZE, length=len(data))


@pytest.mark.parametrize("flipped", [0x01, 0x80])
def test_damaged_renditions_raise_what_is_documented(flipped: int) -> None:
    """Whichever byte of a rendition is wrong: a documented error, or no more than was promised."""
    data, stored = _good()
    for position in range(0, len(stored), 19):
        damaged = bytearray(stored)
        damaged[position] ^= flipped
        with contextlib.suppress(Undecodable, ContainerError):
            restored = exact.restore(bytes(damaged), size=_SIZE, length=len(data))
            assert len(restored) <= len(data)


def test_renditions_are_boxes() -> None:
    """A rendition is a JPEG XL file in boxes, the way back among them."""
    types = [box.type for box in bmff.boxes(_good()[1])]
    assert types[:2] == [b"JXL ", b"ftyp"]
    assert b"jbrd" in types
