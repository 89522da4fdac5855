"""Tests of renditions without loss: of the tiers exact and lossless, from upload to file."""

import hashlib
from typing import Any

import numpy as np
import pytest

from slimgate import models
from slimgate.codec import optimize
from slimgate.codec.containers import parse
from slimgate.codec.image.pixels import decode_as
from slimgate.codec.manifest import Manifest
from slimgate.codec.optimize import Optimized, Refused
from slimgate.codec.restore import exact
from slimgate.codec.restore.restore import DamagedRendition, DigestMismatch, EncoderChanged, restore
from tests.codec.containers import samples
from tests.codec.pictures import crop, noise, optimize_options, photo, save
from tests.codec.png_files import png_file

_WITHOUT_LOSS = ["exact", "lossless"]


def _optimized(data: bytes, **changes: Any) -> Optimized:
    asked: dict[str, Any] = {"tiers": _WITHOUT_LOSS, "min_saving": 0.05}
    return optimize.optimize(data, optimize_options(**asked | changes), models.restorer)


def _served(made: Optimized) -> bytes:
    return restore(made.rendition, made.manifest, models.restorer)


def _jpeg(**parameters: Any) -> bytes:
    return save(photo("astronaut.png")[:300, :400], "JPEG", quality=92, **parameters)


_WHOLE: dict[str, bytes] = {
    "jpeg": _jpeg(**samples.EVERYTHING),
    "progressive jpeg": _jpeg(progressive=True),
    "png": png_file(crop("RGB", 200, 150)),
    "gray png": png_file(crop("L", 200, 150), coder=(9, 9, 1)),
    "rgba png": png_file(crop("RGBA", 200, 150)),
    # What the lossy tiers refuse:
    "jpeg with more behind": _jpeg() + b"more" * 100,
    "jpeg with profile in disorder": _jpeg().replace(b"\xff\xdb", b"\xff\xe5\x00\x04ab\xff\xdb", 1),
    "4:1:0 jpeg": _jpeg(comment=b"x" * 60_000),
}


@pytest.mark.parametrize("data", _WHOLE.values(), ids=_WHOLE.keys())
def test_exact_objects_return_byte_for_byte(data: bytes) -> None:
    """Tier exact reproduces the file, and its ETag is the MD5 that clients compute."""
    made = _optimized(data)
    note = made.manifest
    assert note.stored.tier == "exact"
    assert _served(made) == data
    assert note.etag == note.md5 == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert note.sha256 == hashlib.sha256(data).hexdigest()
    assert (note.measured.psnr_db, note.measured.ssim, note.measured.orb) == (99.99, 1, 1)
    assert len(made.rendition) < 0.95 * len(data)


def test_parts_keep_the_etag_that_clients_computed() -> None:
    """An exact object that was uploaded in parts has the ETag of its parts."""
    note = _optimized(_jpeg()).manifest.model_copy(update={"upload_etag": f"{'0' * 32}-3"})
    assert note.etag == f"{'0' * 32}-3"


@pytest.mark.parametrize("described", [False, True])
def test_lossless_objects_keep_pixels_chunks_and_size(described: bool) -> None:
    """A PNG file that cannot be reproduced returns with its pixels, chunks and size."""
    pixels = crop("RGB", 200, 150)
    extra: dict[str, Any] = {
        "pnginfo": samples.text(), "icc_profile": samples.icc(), "exif": samples.exif()
    }  # fmt: skip
    data = save(pixels, "PNG", compress_level=6, **(extra if described else {}))
    made = _optimized(data)
    served = _served(made)
    assert len(data) == len(served)
    assert parse(data).metadata == parse(served).metadata
    np.testing.assert_array_equal(pixels, decode_as(parse(data), served))
    assert made.manifest.stored.codec in ({"webp"} if described else {"webp", "jxl"})


def test_profiles_and_orientation_reach_viewers() -> None:
    """A lossless rendition shows the colours and the turn of its upload."""
    data = save(crop("RGB", 200, 150), "PNG", icc_profile=samples.icc(), exif=samples.exif(6))
    info = samples.read(_optimized(data).rendition)[1]
    assert info["icc_profile"] == samples.icc()


def test_only_jpeg_and_png_are_tried() -> None:
    """A WebP file is no smaller in any other lossless form that is worth it."""
    data = save(crop("RGB", 200, 150), "WEBP", lossless=True)
    with pytest.raises(Refused, match="nothing smaller"):
        _optimized(data)


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [(["exact"], "exact"), (["lossless"], "exact"), (["exact", "recode"], "recode")],
)
def test_the_smallest_of_the_allowed_wins(tiers: list[str], expected: str) -> None:
    """A byte-exact result satisfies both tiers, and loses to a smaller one that holds."""
    data = png_file(crop("RGB", 200, 150))
    made = _optimized(data, tiers=tiers, floor={"psnr_db": 25, "ssim": None})
    assert made.manifest.stored.tier == expected
    assert len(data) == len(_served(made))


def test_exact_jpeg_beats_what_cannot_hold() -> None:
    """A JPEG file that no lossy tier can keep above the floor returns byte for byte."""
    data = save(noise(128, 128, 3), "JPEG", quality=60)
    made = _optimized(data, tiers=["exact", "recode"], floor={"psnr_db": 60}, min_saving=0)
    assert made.manifest.stored.tier == "exact"


def test_without_the_tier_nothing_is_exact() -> None:
    """A policy that does not allow exact refuses what only exact can take."""
    with pytest.raises(Refused):
        _optimized(_jpeg()[:-2], tiers=["recode"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"limits": {"max_pixels": 1000}}, "more pixels"),
        ({"types": ["image/png"]}, "type that the policy names"),
        ({"min_saving": 0.9}, "nothing smaller"),
    ],
)
def test_limits_hold_for_exact(changes: dict[str, Any], reason: str) -> None:
    """Pixels, types and saving are demanded of exact renditions as of all others."""
    with pytest.raises(Refused, match=reason):
        _optimized(_jpeg(), **changes)


@pytest.mark.parametrize("size", [(65_535, 65_535), (40_000, 40_000), (8, 4000)])
def test_sizes_are_checked_before_anything_is_decoded(size: tuple[int, int]) -> None:
    """A header that lies about its size costs no memory."""
    data = _jpeg()
    at = data.index(b"\xff\xc0") + 5
    sides = b"".join(side.to_bytes(2, "big") for side in reversed(size))
    with pytest.raises(Refused, match=r"pixels than|too small"):
        _optimized(data[:at] + sides + data[at + 4 :])


def _good(name: str) -> tuple[bytes, Manifest]:
    made = _optimized(_WHOLE[name])
    return made.rendition, made.manifest


@pytest.mark.parametrize("name", ["jpeg", "png", "rgba png"])
def test_truncated_renditions_are_never_served(name: str) -> None:
    """Wherever the stored bytes end too early, they are reported as damaged or different."""
    rendition, note = _good(name)
    for end in range(0, len(rendition) - 1, len(rendition) // 40):
        with pytest.raises((DamagedRendition, DigestMismatch)):
            restore(rendition[:end], note, models.restorer)


@pytest.mark.parametrize("name", ["jpeg", "png", "rgba png"])
def test_altered_renditions_are_never_served(name: str) -> None:
    """Whichever stored byte changes, the promised file is served or an error says why."""
    rendition, note = _good(name)
    for position in range(0, len(rendition), len(rendition) // 60):
        altered = bytearray(rendition)
        altered[position] ^= 0x55
        try:
            served = restore(bytes(altered), note, models.restorer)
        except EncoderChanged:
            continue  # the right pixels, which go under another ETag
        except (DamagedRendition, DigestMismatch):
            continue
        assert note.sha256 == hashlib.sha256(served).hexdigest()


def test_another_jpeg_is_a_mismatch() -> None:
    """A valid rendition of another file of the same pixel size is detected."""
    _, note = _good("jpeg")
    other = exact.transcode(_jpeg(comment=b"other"))
    assert other is not None
    with pytest.raises(DigestMismatch):
        restore(other, note, models.restorer)
