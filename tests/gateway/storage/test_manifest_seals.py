import re
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import given

from slimgate.codec.manifest import MAX_BYTES, BrokenManifest, Manifest, loads
from slimgate.config import Manifests
from slimgate.gateway.storage.manifest_seals import Seals
from tests.codec.test_manifest import manifests
from tests.config.builders import steady

_OLD: Final = "an old secret of many characters"
_NEW: Final = "a new secret, of characters, too"


def _seals(*keys: str, required: bool = False) -> Seals:
    return Seals(Manifests.model_validate({"keys": keys, "required": required}))


def _plain(manifest: Manifest) -> Manifest:
    return manifest.model_copy(update={"seal": None})


def _lasting(manifest: Manifest) -> Manifest:
    """Return a manifest without what is left out where there is no room for it."""
    scores = {"ssimulacra2": None, "ssimulacra2_worst": None}
    measured = manifest.measured.model_copy(update=scores)
    update = {"seal": None, "guard": None, "gateway": "", "measured": measured}
    return manifest.model_copy(update=update)


@steady
@given(manifests())
def test_what_is_sealed_is_read(manifest: Manifest) -> None:
    """A sealed manifest says the same, is within its bound, and any reader takes it."""
    try:
        note = _seals(_NEW).write(manifest)
    except ValueError:
        assert len(_lasting(manifest).dumps()) > MAX_BYTES - 29
        return
    assert len(note) <= MAX_BYTES
    assert loads(note).seal is not None
    for readers in (_seals(_NEW), _seals(_NEW, required=True), _seals()):
        assert _lasting(readers.read(note)) == _lasting(manifest)


@steady
@given(manifests())
def test_a_seal_goes_before_a_guard(manifest: Manifest) -> None:
    """Where both do not fit, the note is written without the guard, which is for people."""
    bare = manifest.model_copy(update={"guard": None})
    try:
        _seals(_NEW).write(bare)
    except ValueError:
        return
    note = _seals(_NEW).write(manifest.model_copy(update={"guard": "screenshot"}))
    assert _lasting(_seals(_NEW).read(note)) == _lasting(bare)


def test_without_a_key_nothing_changes(manifest: Manifest) -> None:
    """Where no key is configured, manifests are those of before."""
    assert _seals().write(manifest) == manifest.dumps()


def test_keys_are_changed_one_after_the_other(manifest: Manifest) -> None:
    """While gateways are given a new key, each reads what the others have written."""
    stages = [(_OLD,), (_OLD, _NEW), (_NEW, _OLD)]
    notes = [_seals(*keys).write(manifest) for keys in stages]
    assert notes[0] == notes[1] != notes[2]
    for before, after in pairwise(stages):
        for keys in (before, after):
            for note in (_seals(*before).write(manifest), _seals(*after).write(manifest)):
                assert _plain(_seals(*keys, required=True).read(note)) == manifest
    with pytest.raises(BrokenManifest, match="of none of"):
        _seals(_NEW).read(notes[0])


def test_what_was_written_before_stays_readable(manifest: Manifest) -> None:
    """A manifest without a seal is read unless seals are required."""
    note = manifest.dumps()
    assert _seals(_NEW).read(note) == manifest
    with pytest.raises(BrokenManifest, match="has no seal"):
        _seals(_NEW, required=True).read(note)


def test_a_seal_does_not_outlive_what_it_covers(manifest: Manifest) -> None:
    """A manifest that is changed and written again gets a seal of its own, or none."""
    seals = _seals(_NEW)
    changed = seals.read(seals.write(manifest)).model_copy(update={"content_type": "a/b"})
    assert seals.read(seals.write(changed)).content_type == "a/b"
    assert _seals().write(changed) == _plain(changed).dumps()


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (r'"n":[0-9]+', '"n":1'),
        (r'"ct":"[^"]*"', '"ct":"text/html"'),
        (r'"s":".', '"s":"_'),
        (r'("gw":"[^"]*")(,"s":"[^"]*")', r'\1,"s":"0123456789012345678901"\2'),
        (r'("v":1)(.*)(,"s":"[^"]*")', r"\1\3\2"),
        (r"\}$", "} "),
        (r"^\{", "{ "),
    ],
)
def test_nothing_can_be_changed(manifest: Manifest, pattern: str, instead: str) -> None:
    """Not a character of a sealed manifest may differ from what a gateway wrote."""
    note = _seals(_NEW).write(manifest)
    forged = re.sub(pattern, instead, note)
    assert forged != note
    with pytest.raises(BrokenManifest):
        _seals(_NEW).read(forged)


@pytest.fixture
def manifest() -> Manifest:
    """Make a manifest."""
    told: dict[str, Any] = {
        "v": 1, "n": 269_564, "md5": "0" * 32, "ct": "image/jpeg", "w": 640, "h": 427,
        "st": {"t": "exact", "c": "jxl", "q": 100, "x": 1, "r": None}, "sha": "1" * 64,
        "cd": "2" * 32, "fid": {"p": 100.0, "s": 1.0, "o": 1.0}, "pol": "3" * 12, "gw": "0.1.0",
    }  # fmt: skip
    return Manifest.model_validate(told, by_alias=True, by_name=False)
