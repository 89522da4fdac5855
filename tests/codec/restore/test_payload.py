"""Tests of payloads that hold JPEG pictures as JPEG XL."""

import struct
from functools import cache

import pytest

from slimgate import models
from slimgate.codec.containers import ContainerError, header
from slimgate.codec.containers.jpeg_segments import END
from slimgate.codec.image.pixels import Undecodable
from slimgate.codec.optimize import optimize
from slimgate.codec.restore import exact, payload
from slimgate.codec.restore.restore import restore
from tests.codec.containers.jpeg_parts import segment_of
from tests.codec.pictures import crop, noise, optimize_options, save

_SIZE = (200, 180)
_AREA = _SIZE[0] * _SIZE[1]
_PICTURE = save(crop("RGB", *_SIZE), "JPEG", quality=90, optimize=True)
_OTHER = save(crop("RGB", *_SIZE)[::-1], "JPEG", quality=80, optimize=True)
_SMALL = save(crop("RGB", 160, 120), "JPEG", quality=85, optimize=True)
_PREVIEW = segment_of(0xE1, b"Exif\0\0" + bytes(40) + _SMALL + b"note")
_ENTRY = struct.Struct(">III")


@cache
def _stored() -> bytes:
    found = exact.transcode(_PICTURE)
    assert found is not None
    return found


def _packed(kept: bytes) -> bytes:
    packed = payload.pack(kept, None, pixels=_AREA)
    assert packed[1] == 3
    return packed


def _written(gap: int, length: int, stored: bytes, *, count: int = 1) -> bytes:
    """Write a payload of one picture between others, whatever its numbers are."""
    head = bytes([1, 3]) + bytes(4) + bytes([count]) + _ENTRY.pack(gap, length, len(stored))
    return head + stored + header.pack(b"others", None)


@pytest.mark.parametrize(
    "kept",
    [
        _PREVIEW,
        END + _PICTURE,
        _PREVIEW + END + bytes(300) + _PICTURE + b"\xff\xd8\xff\xff" + b"trailer",
        END + _OTHER[:-40] + _PICTURE,
    ],
    ids=["preview", "second picture", "both, and more", "behind one cut short"],
)
@pytest.mark.parametrize("icc", [None, b"profile " * 20])
def test_pictures_are_smaller_and_come_back(kept: bytes, icc: bytes | None) -> None:
    """What is kept is smaller than without JPEG XL, and returns to the byte."""
    packed = payload.pack(kept, icc, pixels=_AREA)
    assert len(packed) < len(header.pack(kept, icc))
    assert payload.unpack(packed, icc, pixels=_AREA, max_bytes=len(kept)) == kept


@pytest.mark.parametrize(
    "kept",
    [b"", b"no picture", _PREVIEW[:-300], END + save(crop("RGB", *_SIZE[::-1]), "PNG")],
    ids=["nothing", "text", "cut short", "PNG"],
)
def test_what_holds_no_jpeg_file_is_packed_as_before(kept: bytes) -> None:
    """Payloads without pictures are those of earlier versions."""
    assert payload.pack(kept, None, pixels=_AREA) == header.pack(kept, None)


def test_pictures_larger_than_the_image_stay_as_they_are() -> None:
    """No picture costs more time and memory than the image; all together twice as much."""
    assert payload.pack(_PICTURE, None, pixels=_AREA - 1) == header.pack(_PICTURE, None)
    assert _packed(_PICTURE + _OTHER)[6] == 2
    assert _packed(_PICTURE + _OTHER + _SMALL)[6] == 2


def test_more_pixels_than_allowed_are_refused() -> None:
    """Neither one large picture nor many are decoded."""
    three = payload.pack(_PICTURE + _OTHER + _SMALL, None, pixels=2 * _AREA)
    for packed, pixels in ((_packed(_PICTURE), _AREA - 1), (three, _AREA)):
        with pytest.raises(ContainerError, match="pixels in kept pictures"):
            payload.unpack(packed, None, pixels=pixels)


def test_no_more_is_written_than_allowed() -> None:
    """The lengths of pictures and of the rest count."""
    kept = _PREVIEW + _PICTURE
    for most in (0, len(_PICTURE), len(kept) - 1):
        with pytest.raises(ContainerError, match="more kept segments than allowed"):
            payload.unpack(_packed(kept), None, pixels=_AREA, max_bytes=most)


@pytest.mark.parametrize(
    "damaged",
    [
        b"\1\3",
        _written(0, 10, b"")[:15],
        _written(0, len(_PICTURE), _stored(), count=0),
        _written(0, len(_PICTURE), _stored(), count=255),
        _written(7, len(_PICTURE), _stored()),
        _written(0, len(_PICTURE) - 1, _stored()),
        _written(0, len(_PICTURE), _stored()),
        _written(0, len(_PICTURE), _stored()[:-30]),
        _written(0, 10, b"no JPEG XL"),
        _written(0, len(_PICTURE), _stored())[:-1],
    ],
)
def test_damage_is_noticed(damaged: bytes) -> None:
    """Lost bytes, and wrong numbers, lengths and checksums are errors of the rendition."""
    with pytest.raises((ContainerError, Undecodable)):
        payload.unpack(damaged, None, pixels=_AREA)


def test_every_byte_is_checked() -> None:
    """Whatever byte is changed, the same is returned or nothing."""
    kept = _PREVIEW + b"trailer"
    packed = _packed(kept)
    for position in range(0, len(packed), 7):
        changed = bytearray(packed)
        changed[position] ^= 0x55
        try:
            found = payload.unpack(bytes(changed), None, pixels=_AREA, max_bytes=len(kept))
        except (ContainerError, Undecodable):
            continue
        assert found == kept


@pytest.mark.parametrize("tier", ["recode", "exact"])
def test_uploads_with_two_pictures_are_stored_so(tier: str) -> None:
    """A second picture returns to the byte, in renditions with loss and without."""
    second = save(noise(100, 120, 3), "JPEG", quality=80)
    upload = save(crop("RGB", 240, 200), "JPEG", quality=92) + second
    options = optimize_options(tiers=[tier], floor={"psnr_db": 30}, min_saving=0)
    made = optimize(upload, options, models.restorer)
    served = restore(made.rendition, made.manifest, models.restorer)
    assert served.endswith(END + second)
    assert made.manifest.stored.tier == tier
    assert second not in made.rendition
