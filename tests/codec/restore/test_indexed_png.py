"""Lossy renditions of PNG files with a palette."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from slimgate import models
from slimgate.codec import optimize
from slimgate.codec.containers import Unsupported, parse, png
from slimgate.codec.containers.png_chunks import make
from slimgate.codec.containers.png_parts import Header
from slimgate.codec.image.pixels import Pixels, Undecodable, decode_as
from slimgate.codec.manifest import Output
from slimgate.codec.optimize import Optimized
from slimgate.codec.restore import indexed
from slimgate.codec.restore.restore import restore
from slimgate.codec.search.omissions import LOSSY
from tests.codec.pictures import crop, optimize_options
from tests.codec.png_files import any_png, photograph, sized

_PALETTE = Header(1, 1, 8, 3, interlaced=False)


def _file(*, dither: bool = False, alpha: bytes = b"", text: bytes = b"") -> bytes:
    """Return a photograph in 256 colours."""
    whole = Image.fromarray(crop("RGB", 240, 200))
    few = whole.quantize(256)
    if dither:
        few = whole.quantize(256, dither=Image.Dither.FLOYDSTEINBERG, palette=few)
    target = io.BytesIO()
    few.save(target, "PNG", optimize=True, **({"transparency": alpha} if alpha else {}))
    data = target.getvalue()
    start = data.index(b"IDAT") - 4
    return data[:start] + text + data[start:]


def _optimized(data: bytes, **changes: Any) -> Optimized:
    asked: dict[str, Any] = {"floor": {"psnr_db": 30, "ssim": None}, "min_saving": 0.05}
    asked["tiers"] = ["exact", "lossless", "recode"]
    return optimize.optimize(data, optimize_options(**asked | changes), models.restorer)


def _pixels(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGBA"))


@pytest.mark.parametrize(
    ("dither", "alpha"), [(False, b""), (True, b""), (False, bytes(range(128, 256)))]
)
def test_photographs_in_few_colours_may_be_lossy(dither: bool, alpha: bytes) -> None:
    """The served file has the palette and the size of the upload, and all other chunks."""
    data = _file(dither=dither, alpha=alpha, text=make(b"tEXt", b"Title\0a"))
    made = _optimized(data)
    served = restore(made.rendition, made.manifest, models.restorer)
    before, after = parse(data), parse(served)
    assert made.manifest.stored.tier in LOSSY
    assert len(made.rendition) < 0.5 * len(data)
    assert (len(served), after.metadata[4:]) == (len(data), before.metadata[4:])
    assert served[:33] == data[:33]
    assert (after.palette, after.mode) == (before.palette, "RGBA" if alpha else "RGB")
    error = np.square(_pixels(served).astype(float) - _pixels(data)).mean()
    assert 10 * np.log10(255**2 / error) > 30


def test_what_nothing_lossy_holds_is_exact() -> None:
    """Without lossy tiers, and above what lossy tiers reach, the file is exact."""
    data = _file()
    for changes in ({"tiers": ["exact"]}, {"floor": {"psnr_db": 90, "ssim": None}}):
        made = _optimized(data, **changes)
        assert made.manifest.stored.tier == "exact"
        assert restore(made.rendition, made.manifest, models.restorer) == data


def test_drawings_with_a_palette_are_without_loss() -> None:
    """Lossy codecs make indices of drawings larger, so nothing lossy is tried."""
    drawing = np.zeros((200, 240), np.uint8)
    drawing[40:80, 30:200] = drawing[120:124, 10:230] = 1
    drawing[::7, ::11] = 2
    data = any_png(sized(_PALETTE, 240, 200), samples=drawing)
    made = _optimized(data, min_saving=0)
    assert made.manifest.stored.tier == "exact"
    assert not any(trial.candidate.tier in LOSSY for trial in made.trials)
    details = {each.what: each.detail for each in made.omitted}
    assert "palette of a" in details["lossy"]


def test_an_index_without_a_colour_is_no_picture() -> None:
    """Readers disagree about such files, so their pixels are not judged."""
    data = any_png(
        sized(_PALETTE, 64, 48), samples=photograph(sized(_PALETTE, 64, 48)), palette=bytes(6)
    )
    with pytest.raises(Undecodable, match="without a colour"):
        decode_as(parse(data), data)


def test_each_pixel_becomes_the_nearest_colour() -> None:
    """Distances are exact; of equally near colours the first is taken."""
    random = np.random.default_rng(1)
    for channels in (3, 4):
        palette = random.integers(0, 256, (200, channels), dtype=np.uint8)
        palette[7] = palette[3]
        pixels = random.integers(0, 256, (40, 50, channels), dtype=np.uint8)
        pixels[0, 0] = palette[7]
        found = indexed.indices(pixels, palette)
        apart = pixels[:, :, None].astype(np.int64) - palette
        assert (found == np.square(apart).sum(axis=-1).argmin(axis=-1)).all()
        assert found[0, 0] == 3


def test_colours_of_other_channels_are_refused() -> None:
    """Neither pixels with another palette nor a header without one are written."""
    pixels = crop("RGB", 20, 20)
    with pytest.raises(ValueError, match="do not fit"):
        indexed.indices(pixels, np.zeros((4, 4), np.uint8))
    with pytest.raises(Unsupported, match="not one palette"):
        indexed.encode(pixels, b"", 10)


@pytest.mark.parametrize(
    "change", [{"mode": "L"}, {"step": 2}, {"near": 4}, {"deep": True}, {"format": "WEBP"}]
)
def test_only_png_files_of_colours_have_indices(change: dict[str, Any]) -> None:
    """A manifest cannot ask for indices of anything else."""
    fields = {"format": "PNG", "mode": "RGB", "quality": 10, "subsampling": None}
    with pytest.raises(ValueError, match="indices"):
        Output.model_validate({**fields, "progressive": False, "indexed": True, **change})


def test_a_file_of_indices_needs_no_palette_to_be_assembled() -> None:
    """Kept chunks bring it, in the order of the upload."""
    data = _file(text=make(b"bKGD", b"\0"))
    upload = parse(data)
    pixels = decode_as(upload, data)
    written = indexed.encode(pixels, upload.metadata, 9)
    again = png.assemble(written, upload.metadata, len(written) + png.overhead(upload.metadata))
    assert (decode_as(parse(again), again) == pixels).all()
    assert parse(again).metadata == upload.metadata
