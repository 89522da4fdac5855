"""Tests of files that are taken apart into pictures and a recipe."""

import io
import random
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tifffile

from slimgate import models
from slimgate.codec.containers import sniff
from slimgate.codec.encoders import jxl
from slimgate.codec.image.pixels import Undecodable
from slimgate.codec.optimize import Optimized, optimize
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.recipes import plan
from slimgate.codec.recipes.build import build
from slimgate.codec.recipes.plans import plans
from slimgate.codec.recipes.rebuild import rebuild
from slimgate.codec.restore.restore import DamagedRendition, DigestMismatch, EncoderChanged, restore
from slimgate.codec.search.allowed_steps import RECIPE, AllowedSteps
from tests.codec.pictures import crop, optimize_options
from tests.codec.recipes import files
from tests.codec.recipes.files import by_tifffile

_FILES = files.files()
_LZW = _FILES["libtiff tiff_lzw"]


def _optimized(data: bytes, steps: AllowedSteps | None = None, **changes: Any) -> Optimized:
    options = optimize_options(**{"tiers": ["exact"], "min_saving": 0.05, **changes})
    return optimize(data, replace(options, steps=steps or AllowedSteps()), models.restorer)


@pytest.mark.parametrize("data", _FILES.values(), ids=_FILES)
def test_files_return_byte_for_byte(data: bytes) -> None:
    """Every kind of file becomes smaller, by its pixels, and returns to the byte."""
    found = _optimized(data)
    assert len(found.rendition) < 0.95 * len(data)
    assert found.manifest.stored.recipe
    assert restore(found.rendition, found.manifest, models.restorer) == data


@pytest.mark.parametrize("data", _FILES.values(), ids=_FILES)
def test_changed_files_return_as_they_are(data: bytes) -> None:
    """Whatever bytes are changed, cut or added: the file returns, or stays for a reason."""
    rng = random.Random(3)
    for _ in range(6):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 3, 20))):
            span = len(changed) if rng.random() < 0.5 else min(400, len(changed))
            changed[rng.randrange(span)] = rng.randrange(256)
        if rng.random() < 0.2:
            del changed[rng.randrange(len(changed)) :]
        if rng.random() < 0.2:
            changed += rng.randbytes(50)
        sent = bytes(changed)
        assert _returned(sent) in (sent, *_REASONS)


_REASONS = (
    *(Reason.TYPE, Reason.KIND, Reason.UNSUPPORTED, Reason.FLOOR),
    *(Reason.SMALL, Reason.PIXELS, Reason.SIDE),
)


def _returned(data: bytes) -> bytes | Reason:
    """Return what comes back of a file, or why it stays."""
    try:
        found = _optimized(data)
    except Refused as refused:
        return refused.reason
    return restore(found.rendition, found.manifest, models.restorer)


_DAMAGED = ["tifffile tiles", "libtiff bits group4", "psd packed", "libtiff jpeg pages"]


@pytest.mark.parametrize("name", _DAMAGED)
def test_damaged_renditions_are_noticed(name: str) -> None:
    """A damaged rendition restores to the very file or not at all."""
    data = _FILES[name]
    found = _optimized(data)
    rng = random.Random(5)
    for _ in range(60):
        damaged = bytearray(found.rendition)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.1:
            del damaged[rng.randrange(len(damaged)) :]
        try:
            restored = restore(bytes(damaged), found.manifest, models.restorer)
        except EncoderChanged:
            raise
        except (DamagedRendition, DigestMismatch):
            continue
        assert restored == data


def test_a_changed_coder_is_told_from_a_changed_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """If Deflate gives other bytes, the pixels return in a file of the same size."""
    data = _FILES["libtiff tiff_adobe_deflate"]
    found = _optimized(data)
    monkeypatch.setattr("slimgate.codec.recipes.coders._deflater", _worse)
    with pytest.raises(EncoderChanged) as changed:
        restore(found.rendition, found.manifest, models.restorer)
    served = changed.value.served
    assert len(served) == len(data)
    assert np.array_equal(_pixels(served), _pixels(data))


def _worse(_: Any) -> Any:
    return zlib.compressobj(1)


def _pixels(data: bytes) -> Any:
    """Decode a TIFF file by an independent reader."""
    return tifffile.imread(io.BytesIO(data))


def test_strips_of_another_writer_stay_as_they_are() -> None:
    """What no coder reproduces is kept verbatim beside the rest."""
    data = bytearray(_FILES["tifffile tiles"])
    offsets = _offsets(bytes(data))
    data[offsets[3] + 40] ^= 1
    found = _optimized(bytes(data))
    assert restore(found.rendition, found.manifest, models.restorer) == bytes(data)


def _offsets(data: bytes) -> tuple[int, ...]:
    """Return where the tiles of a file are, by an independent reader."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        return tuple(file.pages[0].dataoffsets)


def test_large_pictures_are_cut_into_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture above the limit becomes several, whether in strips, tiles or rows."""
    monkeypatch.setattr(plan, "_BAND", 4000)
    monkeypatch.setattr(plan, "_PIECE", 1000)
    for name in ("libtiff tiff_lzw", "tifffile tiles", "tifffile planes", "bmp", "ppm"):
        data = _FILES[name]
        mime = sniff(data[:200])
        assert mime is not None
        bands = [band for each in plans(data, mime) for band in plan.banded(each)]
        built = build(data, bands, effort=1)
        assert built is not None
        made = rebuild(built.rendition, built.codec, pixels=150 * 110, length=len(data))
        assert (made.served, made.content) == (data, built.content)


def test_a_worker_that_dies_of_a_recipe_compresses_the_file_whole() -> None:
    """Without the step, the file is still smaller."""
    data = _FILES["libtiff bits raw"]
    found = _optimized(data, AllowedSteps(frozenset({RECIPE})))
    assert not found.manifest.stored.recipe
    assert restore(found.rendition, found.manifest, models.restorer) == data


def test_a_bomb_is_not_taken_apart() -> None:
    """Pixels that there is no time for are never decompressed."""
    zeros = np.zeros((8000, 8000), np.uint8)
    data = by_tifffile(zeros, compression="zlib", rowsperstrip=8000, photometric="minisblack")
    options = optimize_options(tiers=["exact"])
    found = optimize(data, replace(options, work_s=0.5), models.restorer)
    assert not found.manifest.stored.recipe


def test_a_picture_larger_than_the_manifest_says_is_refused() -> None:
    """Nothing is allocated that the manifest does not bound."""
    data = by_tifffile(np.zeros((2100, 2100), np.uint8), photometric="minisblack")
    built = build(data, plans(data, "image/tiff"), effort=1)
    assert built is not None
    with pytest.raises(Undecodable, match="larger than the image"):
        rebuild(built.rendition, built.codec, pixels=400, length=len(data))


def test_a_recipe_for_another_length_is_refused() -> None:
    """The file has the length of the upload, or there is none."""
    found = _optimized(_LZW)
    with pytest.raises(Undecodable):
        rebuild(found.rendition, "jxl", pixels=150 * 110, length=len(_LZW) + 1)


def test_viewers_open_the_rendition() -> None:
    """The rendition of an RGB file is a JPEG XL file with its pixels."""
    found = _optimized(_FILES["tifffile zlib"])
    assert np.array_equal(jxl.read(found.rendition, mode="RGB", width=150, height=110), files.RGB)


def test_photographs_need_half_the_bytes() -> None:
    """LZW of a photograph needs more than twice the bytes of JPEG XL."""
    data = by_tifffile(crop("RGB", 300, 300), photometric="rgb", compression="lzw")
    assert len(_optimized(data).rendition) < 0.5 * len(data)
