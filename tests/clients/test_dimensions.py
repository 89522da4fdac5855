"""Tests of readers of dimensions on restored files, whole and with their first bytes alone."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from imagecodecs import png_encode

from slimgate import models
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.optimize import optimize
from slimgate.codec.restore.restore import restore
from slimgate.codec.search.omissions import LOSSY
from tests.clients.dimension_readers import READERS, Reader, Size
from tests.codec.gain_maps import behind, xmp
from tests.codec.pictures import crop, optimize_options, save
from tests.servers.browser import Browser

_SIZE: Final = (360, 460)
_CUTS: Final = {"whole": None, "64 KiB": 64 << 10, "4 KiB": 4 << 10}

_DECODERS: Final = ("OpenCV", "Chromium")
"""Programs that look at pixels, too: of a part they may find nothing, in uploads either."""

_PAGE: Final = """<!doctype html><title>Images</title><body></body>"""
_LOAD: Final = """window.found = null
Promise.all(arguments[0].map(source => new Promise(done => {
    const image = new Image()
    image.onload = () => done([image.naturalWidth, image.naturalHeight])
    image.onerror = () => done(null)
    image.src = source
}))).then(all => { window.found = {sizes: all} })"""


def _uploads() -> Iterator[tuple[str, bytes]]:
    pixels = crop("RGB", *_SIZE)
    best: dict[str, Any] = {"quality": 99, "subsampling": "4:4:4"}
    yield "baseline.jpg", save(pixels, "JPEG", **best)
    yield "progressive.jpg", save(pixels, "JPEG", progressive=True, **best)
    yield "comment.jpg", save(pixels, "JPEG", comment=b"a comment", **best)
    yield "gray.jpg", save(crop("L", *_SIZE), "JPEG", quality=100)
    yield "tail.jpg", save(pixels, "JPEG", **best) + bytes(range(256)) * 100
    yield "gain-map.jpg", save(pixels, "JPEG", **best) + behind(xmp({"GainMapMax": "2"}))
    yield "rgb.png", save(pixels, "PNG", compress_level=1)
    yield "alpha.png", save(_with_alpha(pixels), "PNG", compress_level=1)
    yield "deep.png", bytes(png_encode(pixels.astype("uint16") * 257, 1))
    yield "lossy.webp", save(pixels, "WEBP", quality=100)
    yield "lossless.webp", save(pixels, "WEBP", lossless=True)
    yield "tail.webp", save(pixels, "WEBP", quality=100) + b"\n"


def _with_alpha(pixels: Pixels) -> Pixels:
    return np.dstack([pixels, pixels[..., 0] | 1])


@cache
def _restored() -> dict[str, tuple[bytes, bytes]]:
    """Return each upload, and what a GET gives for it, by file name."""
    floor = {"psnr_db": 30.0, "ssim": None}
    options = optimize_options(tiers=["recode"], floor=floor, min_saving=0.01)
    found = {}
    for name, upload in _uploads():
        made = optimize(upload, options, models.restorer)
        assert made.manifest.stored.tier in LOSSY
        found[name] = upload, restore(made.rendition, made.manifest, models.restorer)
    return found


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[Path, Path]]:
    """Return files of the upload and of the restored file, by name and cut."""
    folder, found = tmp_path_factory.mktemp("cut"), {}
    for name, pair in _restored().items():
        for title, size in _CUTS.items():
            paths = tuple(folder / f"{title} {who} {name}" for who in ("uploaded", "restored"))
            for path, data in zip(paths, pair, strict=True):
                path.write_bytes(data[:size])
            found[name, title] = paths[0], paths[1]
    return found


def _check(tool: str, keys: Iterable[tuple[str, str]], sizes: Sequence[Sequence[Size]]) -> None:
    """Check that a program finds in restored files all that it finds in uploads."""
    uploaded, restored = (dict(zip(keys, each, strict=True)) for each in sizes)
    assert {restored[key] for key in keys if uploaded[key]} == {_SIZE}
    needed = {
        (name, title)
        for name, title in keys
        if title == "whole" or (tool not in _DECODERS and not name.endswith("webp"))
    }
    assert {key for key in needed if uploaded[key] is None} == set()


@pytest.mark.parametrize(("tool", "read"), READERS.items(), ids=READERS.keys())
def test_dimensions_are_found(
    cut: dict[tuple[str, str], tuple[Path, Path]], tool: str, read: Reader
) -> None:
    """Every tool finds in each part of a restored file what it finds in that of the upload."""
    _check(tool, list(cut), [read([pair[at] for pair in cut.values()]) for at in (0, 1)])


def test_a_browser_finds_dimensions(
    cut: dict[tuple[str, str], tuple[Path, Path]], browser: Browser, tmp_path: Path
) -> None:
    """Chromium lays out each part of a restored file as it does that of the upload."""
    page = tmp_path / "page.html"
    page.write_text(_PAGE)
    browser.open(page)
    found = []
    for at in (0, 1):
        browser.script(_LOAD, [pair[at].as_uri() for pair in cut.values()])
        browser.until("window.found")
        sizes = browser.script("return window.found.sizes")
        found.append([None if size is None else (size[0], size[1]) for size in sizes])
    _check("Chromium", list(cut), found)
