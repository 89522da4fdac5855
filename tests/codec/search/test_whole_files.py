"""Tests of files that are stored byte for byte or not at all."""

import io
import random
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from slimgate import models
from slimgate.codec.encoders import mime_of
from slimgate.codec.image.pixels import Undecodable
from slimgate.codec.optimize import Optimized, optimize
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.restore import exact
from slimgate.codec.restore.restore import DamagedRendition, restore
from slimgate.codec.search import memory_needs
from slimgate.codec.search.allowed_steps import EXACT, RECIPE, AllowedSteps
from tests.codec.pictures import crop, noise, optimize_options, save

_TIFF = save(crop("RGB", 200, 150), "TIFF")
_FILES = {
    "bmp": save(crop("RGB", 200, 150), "BMP"),
    "gif": save(crop("L", 200, 150), "GIF") + bytes(20_000),
    "pgm": save(crop("L", 200, 150), "PPM"),
    "tiff": _TIFF,
    "tiff with packbits": save(crop("L", 200, 150) // 64, "TIFF", compression="packbits"),
}


def _optimized(data: bytes, steps: AllowedSteps | None = None, **changes: Any) -> Optimized:
    options = optimize_options(**{"tiers": ["exact", "recode"], **changes})
    return optimize(data, replace(options, steps=steps or AllowedSteps()), models.restorer)


@pytest.mark.parametrize("data", _FILES.values(), ids=_FILES)
def test_files_return_byte_for_byte(data: bytes) -> None:
    """Whatever the search finds is smaller, and restores to the very file."""
    found = _optimized(data, min_saving=0.05)
    assert len(found.rendition) < 0.95 * len(data)
    assert found.manifest.stored.tier == "exact"
    assert restore(found.rendition, found.manifest, models.restorer) == data


@pytest.mark.parametrize(
    ("data", "changes", "reason"),
    [
        (_TIFF, {"tiers": ["recode"]}, Reason.UNSUPPORTED),
        (_TIFF, {"types": ["image/bmp"]}, Reason.TYPE),
        (_TIFF, {"limits": {"max_pixels": 1000}}, Reason.PIXELS),
        (_TIFF[:8], {}, Reason.UNSUPPORTED),
        (save(noise(100, 100, 3), "TIFF"), {}, Reason.FLOOR),
        (save(noise(10, 100, 3), "TIFF"), {}, Reason.SMALL),
        (b"\0\0\0\x18ftypheic\0\0\0\0", {}, Reason.KIND),
        (bytes(128) + b"DICM", {}, Reason.KIND),
        (_TIFF, {"steps": AllowedSteps(frozenset({EXACT, RECIPE}))}, Reason.WORKER_LOST),
        (_TIFF, {"steps": AllowedSteps(memory=1000)}, Reason.FLOOR),
    ],
)
def test_files_that_stay_have_a_reason(
    data: bytes, changes: dict[str, Any], reason: Reason
) -> None:
    """What is not stored smaller is refused for its own reason."""
    with pytest.raises(Refused) as refused:
        _optimized(data, **changes)
    assert refused.value.reason is reason


def test_kinds_that_stay_are_named() -> None:
    """The refusal says which kind of image it is."""
    with pytest.raises(Refused, match="stored as it came: DICOM"):
        _optimized(bytes(128) + b"DICM")


def _cmyk(**parameters: Any) -> bytes:
    target = io.BytesIO()
    image = Image.fromarray(crop("RGB", 200, 150)).convert("CMYK")
    image.save(target, "JPEG", **parameters)
    return target.getvalue()


def test_cmyk_jpegs_return_byte_for_byte() -> None:
    """JPEG XL has no four components; such a file is compressed whole where that pays."""
    data = _cmyk(icc_profile=bytes(range(256)) * 100)
    found = _optimized(data)
    assert found.manifest.stored.codec == "zstd"
    assert restore(found.rendition, found.manifest, models.restorer) == data


def test_cmyk_jpegs_that_do_not_shrink_say_why() -> None:
    """The reason names the four components, and the trials what was tried."""
    with pytest.raises(Refused, match="components") as refused:
        _optimized(_cmyk())
    assert refused.value.reason is Reason.UNSUPPORTED


def test_renditions_say_what_they_are() -> None:
    """The media type of a rendition is that of the stored bytes."""
    assert mime_of("zstd") == "application/zstd"


def test_damage_is_noticed() -> None:
    """A damaged rendition never restores to other bytes."""
    found = _optimized(_TIFF, min_saving=0.05)
    rng = random.Random(7)
    for _ in range(40):
        data = bytearray(found.rendition)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        try:
            restored = restore(bytes(data), found.manifest, models.restorer)
        except (DamagedRendition, ValueError):
            continue
        assert restored == _TIFF


def test_no_more_is_restored_than_the_manifest_says() -> None:
    """The output has the length of the upload, or there is none."""
    stored = exact.transcode(bytes(1 << 20), "zstd")
    assert stored is not None
    for length in (1, (1 << 20) - 1, (1 << 20) + 1):
        with pytest.raises(Undecodable):
            exact.restore(stored, "zstd", size=(40, 30), length=length)


def test_memory_for_whole_files_depends_on_their_bytes() -> None:
    """A long file needs memory however few pixels it has."""
    assert memory_needs.is_large(100, 1 << 30)
    assert not memory_needs.is_large(100, 64 << 20)
