"""Lossy renditions of PNG files of 16 bits whose samples are bytes given twice."""

from typing import Any

import numpy as np
import pytest
from imagecodecs import png_decode, png_encode

from slimgate import models
from slimgate.codec import optimize
from slimgate.codec.containers import parse
from slimgate.codec.image.pixels import Undecodable, decode_as
from slimgate.codec.manifest import Output
from slimgate.codec.optimize import Optimized
from slimgate.codec.restore import output
from slimgate.codec.restore.restore import restore
from slimgate.codec.search.omissions import LOSSY
from tests.codec.pictures import crop, optimize_options


def _deep(mode: str, change: int = 0) -> bytes:
    samples = crop(mode, 200, 150).astype(np.uint16) * 257
    samples.flat[7] ^= change
    return bytes(png_encode(samples, 6))


def _optimized(data: bytes, **changes: Any) -> Optimized:
    asked: dict[str, Any] = {"floor": {"psnr_db": 30, "ssim": None}, "min_saving": 0.05}
    asked["tiers"] = ["exact", "lossless", "recode"]
    return optimize.optimize(data, optimize_options(**asked | changes), models.restorer)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_bytes_given_twice_may_be_lossy(mode: str) -> None:
    """The served file has 16 bits, each sample a byte twice, and the size of the upload."""
    data = _deep(mode)
    made = _optimized(data)
    served = restore(made.rendition, made.manifest, models.restorer)
    samples = png_decode(served)
    assert made.manifest.stored.tier in LOSSY
    assert (len(served), samples.dtype.name) == (len(data), "uint16")
    assert (samples >> 8 == samples & 255).all()
    assert (decode_as(parse(served), served) == samples >> 8).all()


def test_other_samples_are_without_loss() -> None:
    """One bit more in one sample, and every bit of all returns."""
    data = _deep("RGB", change=1)
    made = _optimized(data)
    assert made.manifest.stored.tier == "exact"
    assert restore(made.rendition, made.manifest, models.restorer) == data
    with pytest.raises(Undecodable, match="no repeated bytes"):
        decode_as(parse(data), data)


def test_they_are_exact_where_a_policy_wants_that() -> None:
    """Without lossy tiers, and where nothing lossy holds the floor, the file is exact."""
    data = _deep("RGB")
    for changes in ({"tiers": ["exact"]}, {"floor": {"psnr_db": 90, "ssim": None}}):
        made = _optimized(data, **changes)
        assert made.manifest.stored.tier == "exact"
        assert restore(made.rendition, made.manifest, models.restorer) == data


@pytest.mark.parametrize("change", [{}, {"step": 4}, {"near": 8}])
def test_every_way_to_write_them_has_16_bits(change: dict[str, int]) -> None:
    """Rounded and flattened colours are written as bytes twice, like all others."""
    pixels = crop("RGB", 60, 40)
    same = {"format": "PNG", "mode": "RGB", "quality": 6, "subsampling": None, "progressive": False}
    ways = [Output.model_validate({**same, **change, "deep": deep}) for deep in (False, True)]
    plain, deep = (output.encode(pixels, way, metadata=b"", size=60_000) for way in ways)
    assert (decode_as(parse(plain), plain) == decode_as(parse(deep), deep)).all()
    assert (parse(plain).deep, parse(deep).deep) == (False, True)
