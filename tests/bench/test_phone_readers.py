"""Tests of what other programs find in restored files of phones."""

import io
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from bench import phone_readers
from slimgate import models
from slimgate.codec.containers import parse
from slimgate.codec.image.pixels import decode_as
from slimgate.codec.measures.hdr import HdrPicture, scaled
from slimgate.codec.measures.psnr import psnr
from slimgate.codec.optimize import optimize
from slimgate.codec.restore.restore import restore
from slimgate.codec.search.omissions import LOSSY
from tests.codec import gain_maps, motion_photos
from tests.codec.pictures import crop, optimize_options, save

_LEAST_DB = 33.0
_FLOOR = {"psnr_db": _LEAST_DB, "ssim": None}
_SIZE = (240, 200)

exiftool = pytest.mark.skipif(
    not phone_readers.has_exiftool(), reason="exiftool is not installed (libimage-exiftool-perl)"
)
libultrahdr = pytest.mark.skipif(
    not imagecodecs.ULTRAHDR.available, reason="imagecodecs has no libultrahdr here"
)


def _restored(upload: bytes) -> bytes:
    made = optimize(upload, optimize_options(tiers=["recode"], floor=_FLOOR), models.restorer)
    assert made.manifest.stored.tier in LOSSY
    return restore(made.rendition, made.manifest, models.restorer)


@cache
def _written_by_libultrahdr() -> bytes:
    """Make an HDR photograph, brighter to the right, as a file of ISO 21496-1."""
    coded = crop("RGB", *_SIZE) / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    pixels = np.ones((*light.shape[:2], 4), np.float16)
    pixels[..., :3] = light * np.linspace(1, 4, _SIZE[0])[None, :, None]
    return bytes(imagecodecs.ultrahdr_encode(pixels, 92))


def _ultra_hdr() -> bytes:
    """Make a file with all that libultrahdr asks of XMP."""
    said = {"Version": "1.0", "HDRCapacityMin": "0", "HDRCapacityMax": "2.5", **gain_maps.VALUES}
    picture = save(crop("RGB", *_SIZE), "JPEG", quality=92)
    announced = picture[:2] + gain_maps.xmp({"Version": "1.0"}) + picture[2:]
    return announced + gain_maps.behind(gain_maps.xmp(said))


@libultrahdr
@pytest.mark.parametrize("make", [_written_by_libultrahdr, _ultra_hdr])
def test_libultrahdr_sees_the_hdr_picture_above_the_floor(make: Callable[[], bytes]) -> None:
    """Its PSNR by another decoder is that of our own formula within 1 dB, in the same steps."""
    upload = make()
    served = _restored(upload)
    before, after = phone_readers.hdr_light(upload), phone_readers.hdr_light(served)
    assert before is not None
    assert after is not None
    found, ours = parse(upload).gain_map, parse(served)
    assert found is not None
    hdr = HdrPicture(found, _SIZE)
    pair = (decode_as(parse(upload), upload), decode_as(ours, served))
    own = psnr(*(hdr.of(each) for each in pair)) - hdr.headroom_db
    one, other = (scaled(each) for each in (before, after))
    by_other = -10 * math.log10(float(np.mean((one - other) ** 2)))
    assert own >= _LEAST_DB
    assert abs(by_other - own) < 1
    assert phone_readers.hdr_psnr(before, before) == float("inf")


_PHOTO = save(crop("RGB", *_SIZE), "JPEG", quality=95)
_VIDEOS = (motion_photos.google, motion_photos.xiaomi, motion_photos.samsung)


@exiftool
@pytest.mark.parametrize("make", _VIDEOS)
def test_motion_photos_are_split_into_the_same_video(
    make: Callable[[bytes, bytes], bytes], tmp_path: Path
) -> None:
    """The MP4 file is the same by bytes, and plays."""
    mp4 = motion_photos.video(tmp_path)
    upload = make(_PHOTO, mp4)
    served = _restored(upload)
    assert served != upload
    assert phone_readers.video(upload) == phone_readers.video(served) == mp4
    split = tmp_path / "split.mp4"
    split.write_bytes(phone_readers.video(served))
    read, frame = cv2.VideoCapture(str(split)).read()
    assert (read, frame.shape) == (True, (48, 64, 3))


@exiftool
@pytest.mark.parametrize("kind", ["google", "xiaomi", "samsung", "gain map", "several"])
def test_exiftool_finds_the_same(kind: str, tmp_path: Path) -> None:
    """Its whole output is that of the upload, but for the file on disk."""
    upload = _files(tmp_path)[kind]
    before, after = phone_readers.described(upload), phone_readers.described(_restored(upload))
    assert len(before) > 10
    assert after == before


def _files(folder: Path) -> dict[str, bytes]:
    mp4, target = motion_photos.video(folder), io.BytesIO()
    image = Image.fromarray(crop("RGB", *_SIZE))
    image.save(target, "MPO", quality=95, save_all=True, append_images=[image.rotate(180)])
    made = {make.__name__: make(_PHOTO, mp4) for make in _VIDEOS}
    return {**made, "gain map": gain_maps.ultra_hdr(), "several": target.getvalue()}
