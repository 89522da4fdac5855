"""Tests of reading what a Lepton file decodes to before it is decoded."""

import contextlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.codec.containers import Malformed, lepton_header
from slimgate.codec.golden import objects
from tests.config.builders import steady

_GOLDEN = [each for each in objects() if each.manifest.stored.codec == "lepton"]

pytestmark = pytest.mark.skipif(not _GOLDEN, reason="lepton-jpeg-python is not installed")

_FIXED = 28
_FRAME = b"\xff\xc0\x00\x0b\x08\x00\x31\x00\x41\x01\x01\x11\x00"  # gray, 65x49
_JPEG = b"HDR" + len(_FRAME).to_bytes(4, "little") + _FRAME
_PARTITION = b"HH\x01" + bytes(16)
_LENGTH = 1000


def _file(text: bytes, *, start: bytes = b"\xcf\x84\x01Z", length: int = _LENGTH) -> bytes:
    packed = zlib.compress(text)
    sizes = length.to_bytes(4, "little") + len(packed).to_bytes(4, "little")
    return start + bytes(16) + sizes + packed + b"CMP"


def test_headers_tell_the_size() -> None:
    """The header reports the size of the JPEG file's frame."""
    for each in _GOLDEN:
        found = lepton_header.read_size(each.rendition, length=each.manifest.size)
        assert found == (each.manifest.width, each.manifest.height)


def test_all_fields_are_known() -> None:
    """A header with each field that the format has is read."""
    one = (1).to_bytes(4, "little")
    rest = b"P0D\x01" + b"CRS" + one + bytes(4) + b"FRS" + one + b"\0" + b"GRB" + one + b"x"
    text = _JPEG + _PARTITION + rest + b"EEE" + bytes(28)
    assert lepton_header.read_size(_file(text), length=_LENGTH) == (65, 49)


_BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "short": _file(_JPEG + _PARTITION)[: _FIXED - 1],
    "other magic": _file(_JPEG + _PARTITION, start=b"\xcf\x85\x01Z"),
    "other version": _file(_JPEG + _PARTITION, start=b"\xcf\x84\x02Z"),
    "other kind": _file(_JPEG + _PARTITION, start=b"\xcf\x84\x01Y"),
    "longer": _file(_JPEG + _PARTITION, length=_LENGTH + 1),
    "shorter": _file(_JPEG + _PARTITION, length=_LENGTH - 1),
    "cut off": _file(_JPEG + _PARTITION)[: _FIXED + 12],
    "no zlib": _file(b"")[:_FIXED] + b"junk" * 9,
    "bomb": _file(_JPEG + _PARTITION + b"GRB\xff\xff\xff\x00" + bytes(1 << 24)),
    "no JPEG": _file(b"XYZ" + _JPEG[3:] + _PARTITION),
    "no frame": _file(b"HDR" + bytes(4) + _PARTITION),
    "no partition": _file(_JPEG),
    "two partitions": _file(_JPEG + _PARTITION * 2),
    "many partitions": _file(_JPEG + b"HH\xff" + bytes(16 * 255)),
    "unknown field": _file(_JPEG + _PARTITION + b"PGR" + bytes(4)),
    "long field": _file(_JPEG + _PARTITION + b"FRS\xff\xff\xff\xff"),
    "long restarts": _file(_JPEG + _PARTITION + b"CRS\xff\xff\xff\x7f"),
}


@pytest.mark.parametrize("data", _BROKEN.values(), ids=_BROKEN.keys())
def test_other_files_are_malformed(data: bytes) -> None:
    """What slimgate does not write is refused before anything is allocated for it."""
    with pytest.raises(Malformed):
        lepton_header.read_size(data, length=_LENGTH)


@steady
@given(st.integers(0, 400), st.integers(1, 255))
def test_damaged_headers_are_read_or_malformed(position: int, flip: int) -> None:
    """A header with any wrong byte is read, or raises what is documented."""
    golden = _GOLDEN[0]
    damaged = bytearray(golden.rendition)
    damaged[position] ^= flip
    with contextlib.suppress(Malformed):
        lepton_header.read_size(bytes(damaged), length=golden.manifest.size)
