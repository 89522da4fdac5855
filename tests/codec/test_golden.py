"""Objects stored by an earlier version restore to the very same bytes.

The files in ``golden`` were written once and never change: when one of these tests fails, an update
of a decoder, encoder or restorer would give every stored object other bytes than were promised.
"""

from pathlib import Path

import pytest

import models
from codec.manifest import loads
from codec.restore import restore

_GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.avif"))


@pytest.mark.parametrize("rendition", _GOLDEN, ids=lambda path: path.stem)
def test_what_was_stored_once_restores_for_ever(rendition: Path) -> None:
    """A rendition and its manifest give the file whose digest was recorded."""
    manifest = loads(rendition.with_suffix(".json").read_text("ascii").strip())
    assert manifest.size == len(restore(rendition.read_bytes(), manifest, models.restorer))


def test_golden_objects_cover_every_format_and_tier() -> None:
    """There is one for each output format and each tier."""
    manifests = [loads(path.with_suffix(".json").read_text("ascii").strip()) for path in _GOLDEN]
    assert {"JPEG", "PNG", "WEBP"} == {manifest.output.format for manifest in manifests}
    assert {"recode", "downscale"} == {manifest.stored.tier for manifest in manifests}
