"""Tests of finding out how PNG files were compressed, and of writing them again."""

import contextlib
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imagecodecs import deflate_encode

from slimgate.codec.containers import ContainerError, DoesNotFit, Malformed, parse, png
from slimgate.codec.image.pixels import Pixels, decode_as
from slimgate.codec.restore import png_recipe
from slimgate.codec.restore.png_filters import filtered
from slimgate.codec.restore.png_recipe import Recipe
from slimgate.codec.search.effort import Work
from tests.codec.containers import samples
from tests.codec.pictures import FOREVER, crop, noise, save
from tests.codec.png_files import png_file
from tests.config.builders import steady

_CODERS = [
    (level, memory, strategy)
    for level in (1, 2, 5, 6, 9)
    for memory in (8, 9)
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_RLE, zlib.Z_HUFFMAN_ONLY)
]


def _found(data: bytes, work_s: float = FOREVER) -> tuple[Recipe, bytes, Pixels, bytes]:
    upload = parse(data)
    pixels = decode_as(upload, data)
    recipe, served = png_recipe.find(data, pixels, upload.metadata, work=Work(work_s))
    return recipe, served, pixels, upload.metadata


@pytest.mark.parametrize("coder", _CODERS, ids=str)
def test_files_written_with_zlib_return_byte_for_byte(coder: tuple[int, int, int]) -> None:
    """With any level, memory and strategy, a file returns from pixels and recipe alone."""
    data = png_file(crop("RGB", 70, 60), coder=coder)
    recipe, served, pixels, metadata = _found(data)
    assert data == served
    assert data == png_recipe.write(pixels, recipe, metadata, len(data))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("chunk", [1, 100, 4096])
@pytest.mark.parametrize("window", [9, 12, 15])
def test_chunks_and_windows_are_recorded(mode: str, chunk: int, window: int) -> None:
    """However the image data are cut into chunks, and however far matches reach, it returns."""
    data = png_file(crop(mode, 40, 30), chunk=chunk, window=window)
    recipe, served, pixels, metadata = _found(data)
    assert data == served == png_recipe.write(pixels, recipe, metadata, len(data))


@pytest.mark.parametrize("level", [1, 6, 9])
def test_pillows_files_return_with_their_metadata(level: int) -> None:
    """A file of Pillow with all its chunks returns, where Python's zlib writes as Pillow's."""
    parameters = {"pnginfo": samples.text(), "exif": samples.exif(), "dpi": (96, 96)}
    data = save(crop("RGB", 70, 60), "PNG", compress_level=level, **parameters)
    recipe, served, pixels, metadata = _found(data)
    assert len(data) == len(served)
    assert parse(data).metadata == parse(served).metadata
    np.testing.assert_array_equal(pixels, decode_as(parse(data), served))
    assert served == png_recipe.write(pixels, recipe, metadata, len(data))


def _written(pixels: Pixels, stream: bytes) -> bytes:
    height, width = pixels.shape[:2]
    return png.make_file((width, height), pixels.size // (width * height), [stream])


def test_files_of_libdeflate_return() -> None:
    """The output of an optimizer at its highest level is reproduced byte for byte."""
    pixels = crop("RGB", 90, 80)
    stream = bytes(deflate_encode(b"".join(filtered(pixels, bytes([4]) * 80)), 12))
    data = _written(pixels, stream)
    assert data == _found(data)[1]


def _two_streams(pixels: Pixels) -> bytes:
    """Compress as no known coder does: half of the rows not at all, the rest hard."""
    rows = b"".join(filtered(pixels, bytes([4]) * len(pixels)))
    stored, hard = zlib.compressobj(0, wbits=-15), zlib.compressobj(9, wbits=-15)
    half = len(rows) // 2
    first = stored.compress(rows[:half]) + stored.flush(zlib.Z_FULL_FLUSH)
    second = hard.compress(rows[half:]) + hard.flush()
    return b"\x78\x9c" + first + second + zlib.adler32(rows).to_bytes(4, "big")


def test_other_files_return_with_the_same_pixels_and_size() -> None:
    """A file of an unknown encoder is padded to its size, with all its pixels."""
    pixels = crop("RGB", 70, 60)
    data = _written(pixels, _two_streams(pixels))
    recipe, served, _, metadata = _found(data)
    assert data != served
    assert len(data) == len(served)
    np.testing.assert_array_equal(pixels, decode_as(parse(data), served))
    assert served == png_recipe.write(pixels, recipe, metadata, len(data))


def test_nothing_is_tried_without_work_left() -> None:
    """Without time the parameters are not looked for, and the file is one that fits."""
    data = png_file(crop("RGB", 70, 60), coder=(1, 8, 0))
    served = _found(data, work_s=0)[1]
    assert data != served
    assert len(data) == len(served)


def test_what_cannot_get_so_small_is_an_error() -> None:
    """Pixels that no encoder fits into the required size are refused."""
    pixels = crop("RGB", 70, 60)
    recipe = _found(png_file(pixels))[0]
    with pytest.raises(DoesNotFit):
        png_recipe.write(pixels, recipe, b"", 1000)


def test_a_coder_that_has_changed_is_replaced() -> None:
    """When the recorded parameters yield another length, the file is written in another way."""
    pixels = crop("RGB", 70, 60)
    data = png_file(pixels, coder=(6, 8, 0))
    recipe = replace(_found(data)[0], level=0)
    served = png_recipe.write(pixels, recipe, b"", len(data))
    assert len(data) == len(served)
    np.testing.assert_array_equal(pixels, decode_as(parse(data), served))


@pytest.mark.parametrize("damage", ["short", "long", "junk", "more"])
def test_odd_image_data_are_refused(damage: str) -> None:
    """Image data that are cut off, too long, or followed by others are not reproduced."""
    pixels = crop("L", 20, 20)
    raw = b"".join(filtered(pixels, bytes(20)))
    streams = {
        "short": zlib.compress(raw[:-1]),
        "long": zlib.compress(raw + b"x" * 10_000_000),
        "junk": b"no stream at all",
        "more": zlib.compress(raw) + b"more",
    }
    with pytest.raises(Malformed):
        png_recipe.find(_written(pixels, streams[damage]), pixels, b"", work=Work(FOREVER))


def test_recipes_survive_being_written() -> None:
    """A recipe is read back equal, and what follows it is left over."""
    recipe = _found(png_file(noise(30, 20, 3), chunk=100))[0]
    assert Recipe.loads(recipe.dumps() + b"rest") == (recipe, b"rest")


def test_broken_recipes_are_refused() -> None:
    """A recipe that is cut off or names an unknown coder or level is damaged."""
    text = _found(png_file(noise(30, 20, 3), chunk=100))[0].dumps()
    broken = [text[:end] for end in range(len(text))]
    for data in [*broken, b"\x02" + text[1:], text[:1] + b"\x0d" + text[2:]]:
        with pytest.raises(Malformed):
            Recipe.loads(data)


@steady
@given(st.integers(0, 60), st.integers(0, 255))
def test_altered_recipes_raise_what_is_documented(position: int, value: int) -> None:
    """Any recipe yields a file of the required size or a documented error."""
    pixels = crop("L", 20, 20)
    data = png_file(pixels)
    text = bytearray(_found(data)[0].dumps())
    text[position % len(text)] = value
    with contextlib.suppress(ContainerError, ValueError):
        recipe, _ = Recipe.loads(bytes(text))
        assert len(data) == len(png_recipe.write(pixels, recipe, b"", len(data)))
