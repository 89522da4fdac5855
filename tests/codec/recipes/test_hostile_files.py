"""Tests of files, and of recipes, that are made to cost more than they are worth."""

import io
import struct
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tifffile

from slimgate import models
from slimgate.codec.containers import Malformed, kinds
from slimgate.codec.image.pixels import Undecodable
from slimgate.codec.optimize import optimize
from slimgate.codec.recipes import coders, package, plan
from slimgate.codec.recipes import rebuild as rebuilding
from slimgate.codec.recipes.build import build
from slimgate.codec.recipes.coders import Coder
from slimgate.codec.recipes.plans import plans
from slimgate.codec.recipes.rebuild import rebuild
from slimgate.codec.recipes.recipe import Format, Recipe
from slimgate.codec.restore.restore import restore
from slimgate.codec.search import seal, whole_files
from tests.codec.pictures import optimize_options
from tests.codec.recipes import files

_FILES = files.files()


def _overlapping(strips: int, size: int, compression: int) -> bytes:
    """Make a TIFF file whose strips are all of the file but a byte."""
    tags = {256: 16, 257: strips, 258: 8, 259: compression, 262: 1, 277: 1, 278: 1}
    after = 8 + 2 + 12 * (len(tags) + 2) + 4
    entries = {tag: (tag, 4, 1, value) for tag, value in tags.items()}
    entries[273], entries[279] = (273, 4, strips, after), (279, 4, strips, after + 4 * strips)
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries))
    head += b"".join(struct.pack("<HHII", *entries[tag]) for tag in sorted(entries)) + bytes(4)
    head += struct.pack(f"<{strips}I", *[1] * strips)
    head += struct.pack(f"<{strips}I", *[size - 1] * strips)
    return head + bytes(size - len(head))


@pytest.mark.parametrize("compression", [1, 5], ids=["none", "LZW"])
def test_each_byte_of_a_file_is_read_once(
    compression: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strips that overlap stay as they are, however many cover the file."""
    data = _overlapping(2000, 100_000, compression)
    read = list[int]()
    decode = coders.decode

    def counted(stored: bytes, *args: Any, **options: Any) -> bytes | None:
        read.append(len(stored))
        return decode(stored, *args, **options)

    monkeypatch.setattr(coders, "decode", counted)
    assert build(data, plans(data, kinds.TIFF), effort=1) is None
    assert sum(read) <= len(data)


def test_pages_that_share_strips_return() -> None:
    """A second directory of the same strips is part of the rest, and the recipe restores."""
    data = _twice(_FILES["tifffile zlib"])
    found = list(plans(data, kinds.TIFF))
    assert len(found) == 2
    built = build(data, found, effort=1)
    assert built is not None
    made = rebuild(built.rendition, built.codec, pixels=150 * 110, length=len(data))
    assert (made.served, made.content) == (data, built.content)
    assert len(Recipe.loads(package.unpack(built.rendition, built.codec).recipe).pictures) == 1


def _twice(data: bytes) -> bytes:
    """Append a copy of the only directory of a file."""
    start = struct.unpack_from("<I", data, 4)[0]
    end = start + 2 + 12 * struct.unpack_from("<H", data, start)[0]
    padded = data + bytes(len(data) % 2)
    copy = data[start:end] + bytes(4)
    twice = padded[:end] + struct.pack("<I", len(padded)) + padded[end + 4 :] + copy
    with tifffile.TiffFile(io.BytesIO(twice)) as file:
        assert len(file.pages) == 2
    return twice


def test_many_segments_are_cut_into_bands_at_once() -> None:
    """The time for cutting a picture grows with its segments, not with their square."""
    segments = tuple(plan.Segment(each, 1, each, 0, 1, 1000) for each in range(32_000))
    whole = plan.Plan(1000, 32_001, 1, plan.Layout(), segments)
    began = time.process_time()
    bands = list(plan.banded(whole))
    assert time.process_time() - began < 3
    assert sum(len(band.segments) for band in bands) == len(segments)


def _changed(name: str, **changes: Any) -> tuple[bytes, int]:
    """Return the rendition of a file with another layout or coder, and the length of the file."""
    data = _FILES[name]
    built = build(data, plans(data, "image/tiff"), effort=1)
    assert built is not None
    found = package.unpack(built.rendition, built.codec)
    recipe = Recipe.loads(found.recipe)
    layout, coder = recipe.formats[0]
    coder = changes.pop("coder", coder)
    dumped = replace(recipe, formats=(Format(layout._replace(**changes), coder),)).dumps()
    return package.pack(dumped, found.parts)[1], len(data)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("libtiff bits group4", {"align": 1 << 30}),
        ("libtiff bits group4", {"variant": 9}),
        ("libtiff bits group4", {"width": 1 << 31}),
        ("libtiff bits group4", {"width": 0}),
        ("libtiff bits group4", {"width": 8}),
        ("libtiff bits group4", {"coder": Coder("gif")}),
        ("libtiff bits group4", {"family": "gif", "coder": Coder("gif")}),
        ("libtiff bits tiff_lzw", {"coder": Coder("zlib", 15, 15)}),
        ("libtiff bits tiff_lzw", {"family": "deflate", "coder": Coder("zlib", 15, 15)}),
    ],
)
def test_impossible_recipes_are_damaged(name: str, changes: dict[str, Any]) -> None:
    """Nothing is allocated, and nothing else raised, for what no file has."""
    rendition, length = _changed(name, **changes)
    with pytest.raises(Malformed):
        rebuild(rendition, "zstd", pixels=360 * 470, length=length)


def test_a_coder_that_raises_anything_is_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only if memory is short, that is what is raised."""
    rendition, length = _changed("libtiff bits group4")
    for error, expected in ((KeyError(7), Malformed), (MemoryError(), MemoryError)):
        monkeypatch.setattr(coders, "encode", _raising(error))
        with pytest.raises(expected):
            rebuild(rendition, "zstd", pixels=360 * 470, length=length)


def _raising(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def test_blocks_that_overlap_in_their_picture_are_damage() -> None:
    """All blocks of a picture are at most as large as it is."""
    data = files.by_tifffile(np.zeros((64, 64), np.uint8), rowsperstrip=32, compression="zlib")
    built = build(data, plans(data, kinds.TIFF), effort=1)
    assert built is not None
    found = package.unpack(built.rendition, built.codec)
    recipe = Recipe.loads(found.recipe)
    blocks = tuple(block._replace(top=0, height=64) for block in recipe.blocks)
    assert len(blocks) == 2
    _, rendition = package.pack(replace(recipe, blocks=blocks).dumps(), found.parts)
    with pytest.raises(Malformed, match="overlap"):
        rebuild(rendition, built.codec, pixels=64 * 64, length=len(data))


def test_many_pictures_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of thousands of pictures may be as large as the image, but not all of them."""
    data = _FILES["libtiff bits group4"]
    built = build(data, plans(data, kinds.TIFF), effort=1)
    assert built is not None
    found = package.unpack(built.rendition, built.codec)
    recipe = Recipe.loads(found.recipe)
    many = replace(recipe, pictures=recipe.pictures * 60_000)
    _, rendition = package.pack(many.dumps(), [*found.parts, *[b""] * 59_999])
    samples = recipe.pictures[0].shape.size
    monkeypatch.setattr(rebuilding, "MAX_SAMPLES", 60_000 * samples - 1)
    with pytest.raises(Undecodable, match="more samples than any file"):
        rebuild(rendition, built.codec, pixels=360 * 470, length=len(data))


def test_files_of_more_samples_are_compressed_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is stored that could not be read."""
    monkeypatch.setattr(whole_files, "MAX_SAMPLES", 1000)
    options = optimize_options(tiers=["exact"], types=[kinds.TIFF], min_saving=0)
    made = optimize(_FILES["libtiff raw"], options, models.restorer)
    assert (made.manifest.stored.codec, made.manifest.stored.recipe) == ("zstd", False)


def test_a_recipe_whose_proof_fails_leaves_the_file_to_zstandard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the proof of a recipe raises, the file is compressed whole."""
    prove = seal.prove

    def failing(rendition: bytes, note: Any, upscalers: Any, threads: int) -> None:
        if note.stored.recipe:
            raise MemoryError
        prove(rendition, note, upscalers, threads)

    monkeypatch.setattr(seal, "prove", failing)
    data = _FILES["libtiff bits raw"]
    found = optimize(data, optimize_options(tiers=["exact"]), models.restorer)
    assert not found.manifest.stored.recipe
    assert restore(found.rendition, found.manifest, models.restorer) == data
