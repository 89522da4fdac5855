"""Tests of optimizing pictures with gain maps."""

from dataclasses import replace

import pytest

from slimgate import models
from slimgate.codec.containers import parse
from slimgate.codec.image.pixels import decode_as
from slimgate.codec.measures.hdr import HdrPicture
from slimgate.codec.measures.psnr import psnr
from slimgate.codec.optimize import Optimized, optimize
from slimgate.codec.reasons import Refused
from slimgate.codec.restore.restore import restore
from slimgate.codec.search import trials
from tests.codec.gain_maps import ultra_hdr
from tests.codec.pictures import optimize_options

_UPLOAD = ultra_hdr()
_LEAST_DB = 33.0
_FLOOR = {"psnr_db": _LEAST_DB, "ssim": None}


def _made(data: bytes = _UPLOAD) -> tuple[Optimized, bytes]:
    made = optimize(data, optimize_options(tiers=["recode"], floor=_FLOOR), models.restorer)
    return made, restore(made.rendition, made.manifest, models.restorer)


def test_everything_but_the_picture_returns_at_its_place() -> None:
    """The restored file has size, header and gain map of the upload."""
    served = _made()[1]
    end = _UPLOAD.index(b"\xff\xd9")
    assert len(served) == len(_UPLOAD)
    assert served[end:] == _UPLOAD[end:]
    assert parse(served).metadata == parse(_UPLOAD).metadata


def test_both_pictures_are_above_the_floor() -> None:
    """PSNR of the first picture and of the HDR one are at least as recorded."""
    made, served = _made()
    upload, shown = parse(_UPLOAD), parse(served)
    before, after = decode_as(upload, _UPLOAD), decode_as(shown, served)
    assert upload.gain_map is not None
    hdr = HdrPicture(upload.gain_map, (upload.width, upload.height))
    bright = psnr(hdr.of(before), hdr.of(after)) - hdr.headroom_db
    worse = min(psnr(before, after), bright)
    assert _LEAST_DB <= made.manifest.measured.psnr_db <= worse


def test_the_hdr_picture_may_ask_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rendition whose HDR picture is below the floor is not stored."""
    read = trials._read_hdr

    def worse(*args: object) -> object:
        found = read(*args)  # type: ignore[arg-type]  # passed through
        assert found.psnr_db is not None
        return replace(found, psnr_db=found.psnr_db - 30)

    monkeypatch.setattr(trials, "_read_hdr", worse)
    with pytest.raises(Refused, match="below floor"):
        _made()
