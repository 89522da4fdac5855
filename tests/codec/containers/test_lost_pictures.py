"""Tests of JPEG files with an index of several pictures of which only the first is there."""

import struct

import pytest

from slimgate import models
from slimgate.codec.containers import parse
from slimgate.codec.image.pixels import decode_as
from slimgate.codec.optimize import optimize
from slimgate.codec.restore.restore import restore
from tests.codec.containers.jpeg_parts import segment_of
from tests.codec.pictures import crop, optimize_options, save

_ENTRY = struct.Struct("<IIIHH")


def _index(pictures: int, entries: int, sizes: int) -> bytes:
    """Write an MPF segment (CIPA DC-007, 5.2): offsets behind the end of the file."""
    listed = b"".join(_ENTRY.pack(0x030000, sizes, 9_000_000, 0, 0) for _ in range(entries))
    tags = [(0xB000, 7, 4, b"0100"), (0xB001, 4, 1, struct.pack("<I", pictures))]
    tags += [(0xB002, 7, len(listed), struct.pack("<I", 8 + 2 + 3 * 12 + 4))]
    body = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in tags
    )
    return b"MPF\0" + b"II*\0" + struct.pack("<I", 8) + body + bytes(4) + listed


def _file(index: bytes) -> bytes:
    bare = save(crop("RGB", 150, 110), "JPEG", quality=95)
    return bare[:2] + segment_of(0xE2, index) + bare[2:]


def test_the_first_picture_is_restored_with_its_index() -> None:
    """A file that has lost its other pictures is one image; its index stays where it was."""
    data = _file(_index(2, 2, 5000))
    made = optimize(data, optimize_options(floor={"psnr_db": 28, "ssim": None}), models.restorer)
    served = restore(made.rendition, made.manifest, models.restorer)
    assert made.manifest.stored.tier in {"recode", "downscale"}
    assert (len(data), data.index(b"MPF\0")) == (len(served), served.index(b"MPF\0"))
    assert parse(data).metadata == parse(served).metadata


@pytest.mark.parametrize(("pictures", "entries"), [(2, 1), (3, 2), (1, 1), (2, 0)])
def test_an_index_that_contradicts_itself_does_no_harm(pictures: int, entries: int) -> None:
    """The picture is decoded without warnings, whatever its index contains."""
    data = _file(_index(pictures, entries, 5000))
    assert decode_as(parse(data), data).shape == (110, 150, 3)
