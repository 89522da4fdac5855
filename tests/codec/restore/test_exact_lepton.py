"""Tests of JPEG files that return byte for byte from Lepton."""

import contextlib
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate import models
from slimgate.codec.containers import ContainerError, jpeg_size, jxl_header
from slimgate.codec.encoders import mime_of
from slimgate.codec.image.pixels import Undecodable
from slimgate.codec.optimize import Optimized, optimize
from slimgate.codec.restore import exact
from slimgate.codec.restore.restore import DamagedRendition, restore
from slimgate.codec.search.allowed_steps import LEPTON, AllowedSteps
from slimgate.codec.search.omissions import Omission
from tests.codec.pictures import crop, noise, optimize_options, save
from tests.codec.restore.test_exact import _FILES, _REFUSED, _SIZE
from tests.config.builders import steady

library = pytest.importorskip("lepton_jpeg_python", reason="lepton-jpeg-python is not installed")

_PHOTO = save(crop("RGB", 300, 300), "JPEG", quality=90)
_POLICY = {"tiers": ["exact"], "exact_codec": "lepton", "min_saving": 0.05}


def _jxl_alone() -> bytes:
    """Return a file that JPEG XL reproduces, and Lepton does not: its frame claims fewer rows."""
    data = bytearray(save(crop("RGB", 300, 300), "JPEG", quality=75))
    data[data.index(b"\xff\xc0") + 6] ^= 0x20
    return bytes(data)


def _stored(data: bytes) -> bytes:
    stored = exact.transcode(data, "lepton")
    assert stored is not None
    return stored


@pytest.mark.parametrize("data", [*_FILES.values(), _PHOTO], ids=[*_FILES, "photo"])
def test_files_return_byte_for_byte(data: bytes) -> None:
    """Every accepted file is reproduced, including the bytes after its end."""
    restored = exact.restore(_stored(data), "lepton", size=jpeg_size.read(data), length=len(data))
    assert restored == data


def test_photographs_become_smaller_than_in_jpeg_xl() -> None:
    """This is what it is for."""
    jxl = exact.transcode(_PHOTO)
    assert jxl is not None
    assert len(_stored(_PHOTO)) < 0.98 * len(jxl)


def test_truncated_uploads_return() -> None:
    """Unlike JPEG XL, it holds files that end too early."""
    data = _REFUSED["cut off"]
    assert exact.restore(_stored(data), "lepton", size=_SIZE, length=len(data)) == data


@pytest.mark.parametrize("name", ["nothing", "text", "PNG"])
def test_what_cannot_be_reproduced_is_none(name: str) -> None:
    """A file that the codec cannot reproduce is declined without an error."""
    assert exact.transcode(_REFUSED[name], "lepton") is None


@steady
@given(st.integers(0, 2000), st.integers(1, 255), st.sampled_from(sorted(_FILES)))
def test_damaged_files_return_or_are_not_taken(position: int, flip: int, name: str) -> None:
    """An upload with any wrong byte is reproduced with that byte, or declined."""
    data = bytearray(_FILES[name])
    data[position % len(data)] ^= flip
    stored = exact.transcode(bytes(data), "lepton")
    if stored is not None:
        size = jpeg_size.read(bytes(data))
        assert bytes(data) == exact.restore(stored, "lepton", size=size, length=len(data))


@pytest.mark.parametrize("size", [(64, 49), (65, 50), (49, 65), (60_000, 60_000)])
def test_other_sizes_are_refused(size: tuple[int, int]) -> None:
    """A rendition of another size than its manifest says is refused from its header."""
    data = _FILES["described"]
    with pytest.raises(Undecodable, match="is not an image of"):
        exact.restore(_stored(data), "lepton", size=size, length=len(data))


@pytest.mark.parametrize("off", [-1, 1])
def test_other_lengths_are_refused(off: int) -> None:
    """A rendition that says another length than its manifest is refused from its header."""
    data = _FILES["described"]
    with pytest.raises(ContainerError, match="decodes to"):
        exact.restore(_stored(data), "lepton", size=_SIZE, length=len(data) + off)


def test_files_of_several_partitions_are_refused() -> None:
    """Each partition takes memory, and slimgate writes one."""
    data = save(noise(400, 400, 3), "JPEG", quality=95)
    stored = library.compress_bytes(data, {"max_partitions": 8})
    with pytest.raises(ContainerError, match="partitions"):
        exact.restore(stored, "lepton", size=(400, 400), length=len(data))


def test_truncated_renditions_are_refused() -> None:
    """Wherever a rendition ends too early, an error that is documented says so."""
    data = _FILES["described"]
    stored = _stored(data)
    for end in range(0, len(stored) - 1, 37):
        with pytest.raises((Undecodable, ContainerError)):
            exact.restore(stored[:end], "lepton", size=_SIZE, length=len(data))


@pytest.mark.parametrize("name", ["described", "4:2:0 progressive", "restarts", "more behind"])
@pytest.mark.parametrize("flipped", [0x01, 0x80])
def test_damaged_renditions_raise_what_is_documented(name: str, flipped: int) -> None:
    """Whichever byte of a rendition is wrong: a documented error, or as much as was promised."""
    data = _FILES[name]
    stored = _stored(data)
    for position in range(0, len(stored), 7):
        damaged = bytearray(stored)
        damaged[position] ^= flipped
        with contextlib.suppress(Undecodable, ContainerError):
            restored = exact.restore(bytes(damaged), "lepton", size=_SIZE, length=len(data))
            assert len(restored) == len(data)


def _optimized(data: bytes, *ruled_out: str, **policy: Any) -> Optimized:
    options = optimize_options(**(_POLICY | policy))
    options = replace(options, steps=AllowedSteps(frozenset(ruled_out)))
    return optimize(data, options, models.restorer)


def test_policies_choose_it() -> None:
    """Under such a policy the upload is stored as Lepton, and returns under its own MD5."""
    made = _optimized(_PHOTO)
    assert (made.manifest.stored.tier, made.manifest.stored.codec) == ("exact", "lepton")
    assert mime_of("lepton") == "image/x-lepton"
    assert hashlib.md5(_PHOTO, usedforsecurity=False).hexdigest() == made.manifest.etag
    assert restore(made.rendition, made.manifest, models.restorer) == _PHOTO
    assert [trial.candidate.codec for trial in made.trials] == ["lepton"]


def test_what_it_cannot_hold_becomes_jpeg_xl() -> None:
    """A file that Lepton refuses is stored as JPEG XL, and the trials say why."""
    data = _jxl_alone()
    assert exact.transcode(data, "lepton") is None
    made = _optimized(data)
    assert made.manifest.stored.codec == "jxl"
    assert jxl_header.read_size(made.rendition) == (300, 268)
    tried = [(trial.candidate.codec, str(trial.verdict)) for trial in made.trials]
    assert tried == [("lepton", "does not return"), ("jxl", "holds")]


def test_a_step_that_killed_a_process_is_not_repeated() -> None:
    """JPEG XL stores the file, and the trials say why."""
    made = _optimized(_PHOTO, LEPTON)
    assert made.manifest.stored.codec == "jxl"
    assert made.trials[0].note == Omission.LOST.value


def test_damaged_objects_are_told_from_missing_codecs() -> None:
    """What does not decode is a damaged rendition, like that of any codec."""
    made = _optimized(_PHOTO)
    with pytest.raises(DamagedRendition):
        restore(made.rendition[:-100], made.manifest, models.restorer)
