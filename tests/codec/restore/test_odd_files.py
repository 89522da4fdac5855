"""Lossy renditions of PNG and WebP files with harmless oddities, which return verbatim."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimgate import models
from slimgate.codec import optimize
from slimgate.codec.containers import parse, webp_chunks
from slimgate.codec.optimize import Optimized, Refused
from slimgate.codec.restore.restore import restore
from slimgate.codec.search.omissions import LOSSY
from tests.codec.pictures import crop, optimize_options, save
from tests.config.builders import steady

_PNG = save(crop("RGB", 200, 150), "PNG", compress_level=1)
_WEBP = save(crop("RGB", 200, 150), "WEBP", quality=95)
_STILL = webp_chunks.Still(200, 150, alpha=False)
_UNKNOWN = webp_chunks.make(b"PSAI", b"photoshop")


def _webp(flags: int, *chunks: bytes) -> bytes:
    header = webp_chunks.extended_header(_STILL, flags)
    return webp_chunks.make_file(header + b"".join(chunks))


_ODD = {
    "png with line break": _PNG + b"\r\n",
    "png with another file": _PNG + _WEBP,
    "webp with byte": _WEBP + b"\n",
    "webp of photoshop": _webp(0, _WEBP[12:], _UNKNOWN),
    "webp with flag of alpha": _webp(0x10, _WEBP[12:]),
    "webp with flag of a profile": _webp(0x20, _WEBP[12:]),
    "webp with chunks around": _webp(0, _UNKNOWN, _WEBP[12:], _UNKNOWN) + _WEBP,
}


def _optimized(data: bytes) -> Optimized:
    floor = {"psnr_db": 25, "ssim": None}
    options = optimize_options(tiers=["recode"], min_saving=0.05, floor=floor)
    return optimize.optimize(data, options, models.restorer)


def _served(made: Optimized) -> bytes:
    return restore(made.rendition, made.manifest, models.restorer)


@pytest.mark.parametrize("data", _ODD.values(), ids=_ODD.keys())
def test_oddities_return_with_a_lossy_picture(data: bytes) -> None:
    """The served file is as long as the upload, and has everything around its picture."""
    made = _optimized(data)
    served = _served(made)
    assert made.manifest.stored.tier in LOSSY
    assert len(served) == len(data)
    assert parse(served).metadata == parse(data).metadata
    assert parse(served).mode == parse(data).mode


@settings(steady, max_examples=40)
@given(
    st.sampled_from(sorted(_ODD)),
    st.integers(0, 60) | st.integers(-120, -1),
    st.binary(min_size=1, max_size=4),
)
def test_mutated_files_keep_what_surrounds_them(name: str, at: int, piece: bytes) -> None:
    """A damaged file is refused, or everything but its picture comes back."""
    data = _ODD[name]
    place = at % len(data)
    upload = data[:place] + piece + data[place + len(piece) :]
    with contextlib.suppress(Refused, OSError, ValueError, SyntaxError):
        made = _optimized(upload)
        served = _served(made)
        assert (len(served), parse(served).metadata) == (len(upload), parse(upload).metadata)
