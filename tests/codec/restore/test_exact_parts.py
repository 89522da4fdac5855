"""Tests of JPEG files with a trailer, or cut short, that return byte for byte."""

import random

import pytest

from slimgate import models
from slimgate.codec.containers import ContainerError, bmff, header, jpeg_size
from slimgate.codec.encoders import lepton
from slimgate.codec.image.pixels import Undecodable
from slimgate.codec.optimize import optimize
from slimgate.codec.restore import exact, exact_parts
from slimgate.codec.restore.restore import restore
from slimgate.config.policy import ExactCodec
from tests.codec.pictures import crop, optimize_options, save

_SIZE = (240, 200)
_PHOTO = save(crop("RGB", *_SIZE), "JPEG", quality=90)
_PROGRESSIVE = save(crop("RGB", *_SIZE), "JPEG", quality=90, progressive=True)
_TRAILERS = {
    "line break": b"\r\n",
    "phone": b"\0\0\1\n\x0e\0\0\0Image_UTC_Data1700000000000SEFHj\0\0\0\1\0\0\0SEFT",
    "second image": _PROGRESSIVE,
    "video": b"\0\0\0\x18ftypmp42" + random.Random(6).randbytes(9 << 20),
    "memory of a camera": bytes(50_000) + _PHOTO[:9000],
}


def _returned(data: bytes, codec: ExactCodec = "jxl") -> tuple[int, bytes]:
    """Transcode and restore a file; return the size of the rendition, and the restored file."""
    made = exact_parts.transcode(data, codec)
    assert made is not None
    size = jpeg_size.read(data)
    if not made.length:
        back = exact.restore(made.rendition, codec, size=size, length=len(data))
    else:
        back = exact_parts.restore(
            made.rendition, codec, size=size, length=len(data), first=made.length
        )
    return len(made.rendition), back


@pytest.mark.parametrize("tail", _TRAILERS.values(), ids=_TRAILERS.keys())
def test_trailers_return_byte_for_byte(tail: bytes) -> None:
    """A file is reproduced with what follows its image, however long that is."""
    size, back = _returned(_PHOTO + tail)
    assert back == _PHOTO + tail
    assert size < 0.97 * len(_PHOTO) + len(tail) + 100


@pytest.mark.parametrize("cut", [1, 2, 3, 10, 500, len(_PHOTO) // 2])
@pytest.mark.parametrize("codec", ["jxl", "lepton"])
def test_files_cut_short_return_byte_for_byte(cut: int, codec: ExactCodec) -> None:
    """A sequential file without its last bytes is reproduced without them."""
    if codec == "lepton" and not lepton.installed():
        pytest.skip("lepton is not installed")
    size, back = _returned(_PHOTO[:-cut], codec)
    assert back == _PHOTO[:-cut]
    assert size < 0.97 * len(_PHOTO)


@pytest.mark.parametrize("cut", [2, 10, 100])
def test_progressive_files_cut_in_the_last_scan_return(cut: int) -> None:
    """A progressive file without its last bytes is reproduced without them."""
    assert _returned(_PROGRESSIVE[:-cut])[1] == _PROGRESSIVE[:-cut]


@pytest.mark.parametrize("data", [b"\xff\xd8", _PHOTO[:600], _PHOTO[:300] + b"\xff\xd9tail"])
def test_files_without_an_image_are_declined(data: bytes) -> None:
    """A file that ends before its first scan has no rendition."""
    assert exact_parts.transcode(data) is None


def test_parts_that_do_not_fit_together_are_refused() -> None:
    """Another length, a lost trailer and a longer one are noticed before decoding."""
    made = exact_parts.transcode(_PHOTO + b"tail")
    assert made is not None
    for length, first in ((3, made.length), (1 << 30, made.length), (len(_PHOTO) + 4, 1 << 30)):
        with pytest.raises((ContainerError, Undecodable)):
            exact_parts.restore(made.rendition, "jxl", size=_SIZE, length=length, first=first)


def test_a_trailer_that_inflates_is_refused() -> None:
    """No more is inflated than the upload is long."""
    stored = exact.transcode(_PHOTO)
    assert stored is not None
    bomb = bmff.attach(stored, header.pack(bytes(1 << 20), None))
    with pytest.raises(ValueError, match="more kept segments than allowed"):
        exact_parts.restore(bomb, "jxl", size=_SIZE, length=9999, first=len(_PHOTO))


@pytest.mark.parametrize("data", [_PHOTO[:-2], _PHOTO + _TRAILERS["phone"]], ids=["cut", "tail"])
def test_a_policy_of_exact_stores_them(data: bytes) -> None:
    """Manifest and rendition suffice to return the upload."""
    made = optimize(data, optimize_options(tiers=["exact"], min_saving=0), models.restorer)
    assert made.manifest.stored.length in {len(_PHOTO), len(data) + 2}
    assert restore(made.rendition, made.manifest, models.restorer) == data


def test_files_cut_short_are_exact_at_most() -> None:
    """No lossy rendition is made of a file whose end is missing."""
    made = optimize(
        _PHOTO[:-2], optimize_options(tiers=["exact", "recode"], min_saving=0), models.restorer
    )
    assert made.manifest.stored.tier == "exact"
