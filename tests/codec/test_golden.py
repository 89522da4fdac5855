"""Objects stored by an earlier version restore to the very same bytes.

The files in ``golden`` were written once and never change: when one of these tests fails, an update
of a decoder, encoder or restorer would give every stored object other bytes than were promised.
"""

import hashlib
from pathlib import Path

import pytest

import models
from codec.manifest import loads
from codec.renditions import NAMES
from codec.restore import restore

_GOLDEN = sorted(
    path for path in (Path(__file__).parent / "golden").iterdir() if path.suffix != ".json"
)


@pytest.mark.parametrize("rendition", _GOLDEN, ids=lambda path: path.name)
def test_what_was_stored_once_restores_for_ever(rendition: Path) -> None:
    """A rendition and its manifest give the file whose digest was recorded."""
    manifest = loads(rendition.with_suffix(".json").read_text("ascii").strip())
    assert manifest.size == len(restore(rendition.read_bytes(), manifest, models.restorer))


def test_golden_objects_cover_every_format_tier_and_codec() -> None:
    """There is one for each output format, for each tier and for each codec."""
    manifests = [loads(path.with_suffix(".json").read_text("ascii").strip()) for path in _GOLDEN]
    formats = {manifest.output.format for manifest in manifests if manifest.output is not None}
    assert {"JPEG", "PNG", "WEBP"} == formats
    assert {"exact", "lossless", "recode", "downscale"} == {m.stored.tier for m in manifests}
    assert NAMES == {manifest.stored.codec for manifest in manifests}


@pytest.mark.parametrize("rendition", _GOLDEN, ids=lambda path: path.name)
def test_exact_objects_are_the_upload(rendition: Path) -> None:
    """What an exact manifest restores to has the MD5 of the upload, and no other tier's has."""
    manifest = loads(rendition.with_suffix(".json").read_text("ascii").strip())
    served = restore(rendition.read_bytes(), manifest, models.restorer)
    found = hashlib.md5(served, usedforsecurity=False).hexdigest()
    assert (manifest.stored.tier == "exact") == (found == manifest.md5)
