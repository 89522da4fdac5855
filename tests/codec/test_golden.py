"""Objects stored by an earlier version restore to the same bytes.

The files in ``codec/golden`` were written once and never change: when one of these tests fails, an
update of a decoder, encoder or restorer would give every stored object other bytes than were
promised.
"""

import hashlib

import pytest

from slimgate import models
from slimgate.codec.encoders import NAMES, lepton
from slimgate.codec.golden import Golden, objects
from slimgate.codec.restore import output
from slimgate.codec.restore.restore import restore

_GOLDEN = objects()


@pytest.mark.parametrize("golden", _GOLDEN, ids=lambda golden: golden.name)
def test_what_was_stored_once_restores_for_ever(golden: Golden) -> None:
    """A rendition and its manifest restore to the recorded digest."""
    assert golden.outcome(models.restorer) == "same"


def test_golden_objects_cover_every_format_tier_and_codec() -> None:
    """There is one for each output format, for each tier and for each codec."""
    manifests = [golden.manifest for golden in _GOLDEN]
    formats = {manifest.output.format for manifest in manifests if manifest.output is not None}
    assert formats == {"JPEG", "PNG", "WEBP"}
    assert {m.stored.tier for m in manifests} == {"exact", "lossless", "recode", "downscale"}
    optional = {"lepton"} if lepton.installed() else set()
    assert {manifest.stored.codec for manifest in manifests} == NAMES | {"zstd"} | optional


@pytest.mark.parametrize("golden", _GOLDEN, ids=lambda golden: golden.name)
def test_exact_objects_are_the_upload(golden: Golden) -> None:
    """Only files restored from an exact manifest have the MD5 of the upload."""
    served = restore(golden.rendition, golden.manifest, models.restorer)
    found = hashlib.md5(served, usedforsecurity=False).hexdigest()
    assert (found == golden.manifest.md5) == (golden.manifest.stored.tier == "exact")


def test_another_encoder_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed encoder is distinguished from a changed decoder."""
    golden = next(each for each in _GOLDEN if each.name == "recode-jpeg-jxl.jxl")
    encode = output.encode

    def other(*args: object, **options: object) -> bytes:
        return encode(*args, **options)[:-1] + b"\0"  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(output, "encode", other)
    assert golden.outcome(models.restorer) == "changed"
    damaged = golden._replace(rendition=golden.rendition[:-1])
    assert damaged.outcome(models.restorer) == "failed"
    elsewhere = golden._replace(manifest=_GOLDEN[0].manifest)
    assert elsewhere.outcome(models.restorer) == "failed"
