"""Tests of TIFF files whose strips and tiles are JPEG data."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from slimgate import models
from slimgate.codec.containers import ContainerError, Malformed
from slimgate.codec.image.pixels import Undecodable
from slimgate.codec.optimize import optimize
from slimgate.codec.recipes import jpeg_strips, package, strip_recipe, tiff_plans
from slimgate.codec.recipes.build_strips import build
from slimgate.codec.recipes.rebuild import rebuild
from slimgate.codec.recipes.strip_recipe import StripRecipe
from slimgate.codec.restore import exact
from slimgate.codec.restore.restore import restore
from tests.codec.pictures import crop, optimize_options
from tests.codec.recipes import files
from tests.codec.recipes.files import by_tifffile, pillow

_FILES = {name: data for name, data in files.files().items() if "jpeg" in name}
_TILES = _FILES["tifffile jpeg tiles"]
_PIXELS = 160 * 128


def _built(data: bytes) -> tuple[StripRecipe, tuple[bytes, ...]]:
    found = build(data, jpeg_strips.find(data))
    assert found is not None
    parts = package.unpack(found.rendition, found.codec)
    return StripRecipe.loads(parts.recipe), parts.parts


@pytest.mark.parametrize("data", _FILES.values(), ids=_FILES)
def test_joined_strips_are_the_picture(data: bytes) -> None:
    """Each JPEG file decodes to the pixels of its strips, one below another."""
    for each in jpeg_strips.find(data):
        joined = each.file(data)
        with Image.open(io.BytesIO(joined)) as image:
            assert image.size == (each.width, each.height)
            image.load()
        assert exact.transcode(joined) is not None


def test_strips_of_a_page_are_one_file() -> None:
    """Tiles share tables and headers, and give one picture; the last strip may be lower."""
    (tiles,) = jpeg_strips.find(_TILES)
    assert (tiles.width, tiles.height, len(tiles.strips)) == (32, 32 * 20, 20)
    gray = by_tifffile(crop("L", 96, 90), compression="jpeg", rowsperstrip=32)
    (strips,) = jpeg_strips.find(gray)
    assert (strips.width, strips.height, len(strips.strips)) == (96, 90, 3)


def test_strips_of_odd_height_are_files_of_their_own() -> None:
    """Restart markers stand between whole units only."""
    gray = by_tifffile(crop("L", 96, 90), compression="jpeg", rowsperstrip=30)
    assert [each.height for each in jpeg_strips.find(gray)] == [30, 30, 30]


def test_a_single_strip_has_no_restart_interval() -> None:
    """Its units may be more than an interval can count."""
    (strip,) = jpeg_strips.find(_FILES["libtiff jpeg strip"])
    assert b"\xff\xdd" not in strip.header()


def test_pages_of_other_kinds_are_part_of_the_rest() -> None:
    """A page of LZW data beside one of JPEG data returns, too."""
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as file:
        file.write(crop("RGB", 200, 160), photometric="ycbcr", compression="jpeg", tile=(64, 64))
        file.write(crop("L", 40, 30), compression="lzw")
    data = target.getvalue()
    options = optimize_options(tiers=["exact"], min_saving=0.05)
    found = optimize(data, options, models.restorer)
    assert found.manifest.stored.recipe
    assert restore(found.rendition, found.manifest, models.restorer) == data


def test_unusual_strips_stay_as_they_are() -> None:
    """Progressive strips, those behind the end, and those without a scan are left out."""
    progressive = pillow(Image.fromarray(files.RGB), format="JPEG", progressive=True)
    (strip,) = jpeg_strips.find(_FILES["libtiff jpeg strip"])
    start = _FILES["libtiff jpeg strip"].index(b"\xff\xd8", 8)
    room = strip.strips[0].end + 2 - start
    for new in (progressive, b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xc0\0\x02", b""):
        data = bytearray(_FILES["libtiff jpeg strip"])
        data[start : start + room] = new[:room].ljust(room, b"\0")
        assert jpeg_strips.find(bytes(data)) == []


def test_no_byte_is_taken_twice() -> None:
    """Tiles that share their data are taken once; the file returns."""
    data = bytearray(_TILES)
    with tifffile.TiffFile(io.BytesIO(_TILES)) as file:
        tags = file.pages.first.tags
        for start in (tags["TileOffsets"].valueoffset, tags["TileByteCounts"].valueoffset):
            data[start : start + 80] = _TILES[start : start + 4] * 20
    (found,) = jpeg_strips.find(bytes(data))
    assert len(found.strips) == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda r: {"headers": ()}, Malformed),
        (lambda r: {"headers": (*r.headers, 10)}, Malformed),
        (lambda r: {"headers": (1 << 31,)}, Undecodable),
        (lambda r: {"headers": (r.headers[0] - 1,)}, Undecodable),
        (lambda r: {"strips": (r.strips[0]._replace(file=7), *r.strips[1:])}, Malformed),
        (lambda r: {"strips": (r.strips[0]._replace(gap=1 << 31), *r.strips[1:])}, Malformed),
        (lambda r: {"strips": (r.strips[0]._replace(length=1 << 31), *r.strips[1:])}, Undecodable),
        (lambda r: {"strips": r.strips[1:]}, Undecodable),
        (lambda r: {"strips": ()}, Malformed),
        (lambda r: {"rest": r.rest + b"x"}, Undecodable),
    ],
)
def test_impossible_recipes_are_damaged(change: Any, error: type[Exception]) -> None:
    """Numbers that do not fit each other are found before anything is decoded by them."""
    recipe, parts = _built(_TILES)
    dumped = replace(recipe, **change(recipe)).dumps()
    with pytest.raises(error):
        strip_recipe.rebuild(dumped, parts, pixels=_PIXELS, length=len(_TILES))


def test_pictures_larger_than_the_image_are_refused() -> None:
    """The manifest bounds what is decoded."""
    data = by_tifffile(np.zeros((2200, 2200), np.uint8), compression="jpeg", rowsperstrip=16)
    found = build(data, jpeg_strips.find(data))
    assert found is not None
    with pytest.raises(Undecodable, match="larger"):
        rebuild(found.rendition, found.codec, pixels=100, length=len(data))
    made = rebuild(found.rendition, found.codec, pixels=2200 * 2200, length=len(data))
    assert (made.served, made.content) == (data, found.content)


def test_cut_recipes_are_damaged() -> None:
    """Wherever a recipe ends, that is noticed."""
    recipe, _ = _built(_TILES)
    dumped = recipe.dumps()
    assert StripRecipe.loads(dumped) == recipe
    for end in range(0, len(dumped), 11):
        with pytest.raises(ContainerError):
            StripRecipe.loads(dumped[:end])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (by_tifffile(files.GRAY.astype(np.float32)), "samples of 32 bits"),
        (by_tifffile(files.GRAY, compression="zstd"), "Zstandard data"),
        (by_tifffile(files.GRAY, compression="lerc"), "LERC data"),
        (by_tifffile(files.RGB, photometric="ycbcr"), "subsampled colours"),
        (_TILES, "JPEG data of an unusual kind"),
        (b"II*\0\x08\0\0\0", "TIFF directory cut off"),
        (files.files()["libtiff tiff_lzw"], ""),
    ],
)
def test_what_is_not_taken_apart_has_a_reason(data: bytes, why: str) -> None:
    """Files that are compressed whole say what they are."""
    assert tiff_plans.unusual(data) == why
