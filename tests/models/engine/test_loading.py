"""Tests of loading networks on engines, and of refusing what cannot run."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from slimgate import models
from slimgate.config import Engine
from slimgate.models.engine import loading, selfcheck
from slimgate.models.engine.loading import Restorers
from slimgate.models.engine.network import CannotRun
from slimgate.models.formats import qdq
from slimgate.models.formats.integer import IntegerNetwork
from slimgate.models.registry import native

_ENGINE = Engine(threads=1)
_NATIVE = native.CARDS[0]


def _definition_of(card: models.Card) -> IntegerNetwork:
    assert card.file is not None
    return qdq.read(Path(native.__file__).with_name(card.file).read_bytes())


@pytest.mark.parametrize("card", native.CARDS, ids=lambda card: card.name)
def test_shipped_networks_are_those_of_their_cards(card: models.Card) -> None:
    """Every native network loads, passes its check, and is what its card says."""
    network = loading.load(card, _ENGINE)
    assert (network.scale,) == card.scales
    assert card.receptive_field == network.halo == _definition_of(card).reach
    assert selfcheck.digest(network) == card.check


@pytest.mark.parametrize("max_batch", [1, 2, 8])
def test_any_size_of_batch_passes_the_check(max_batch: int) -> None:
    """Every batch size of an engine is accepted."""
    engine = Engine(threads=1, max_batch=max_batch)
    assert loading.load(_NATIVE, engine).max_batch == max_batch


@pytest.mark.parametrize("card", native.CARDS, ids=lambda card: card.name)
def test_restored_images_are_those_of_the_definition(card: models.Card) -> None:
    """The queue returns the float64 definition, added to the bicubic image of the colours."""
    shape = 37, 150, card.channels - 1
    small = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    definition = _definition_of(card)
    reach, scale = definition.reach, definition.scale
    extended = np.pad(small, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    level = np.full((*extended.shape[:2], 1), 33, np.uint8)
    residual = definition.residual(np.dstack([extended, level])[np.newaxis])[0]
    inside = slice(reach * scale, -reach * scale)
    colours = np.ascontiguousarray(small[..., :3])
    bicubic = models.restorer(models.named("bicubic").hash).upscale(colours, scale, level=0)
    expected = np.clip(bicubic.astype(np.int16) + residual[inside, inside], 0, 255)
    restorers = Restorers(_ENGINE, timeout_s=60)
    try:
        actual = restorers(card.hash).upscale(small, scale, level=33)
    finally:
        restorers.close()
    np.testing.assert_array_equal(expected, actual)


def test_networks_are_loaded_once() -> None:
    """All who ask for a restorer share its network and its queue."""
    restorers = Restorers(_ENGINE, timeout_s=60)
    try:
        assert restorers(_NATIVE.hash) is restorers(_NATIVE.hash)
        assert restorers.counters.keys() == {_NATIVE.hash}
    finally:
        restorers.close()


def test_unknown_restorers_are_lookup_errors() -> None:
    """A hash that no card has cannot be loaded."""
    with pytest.raises(LookupError, match="no restorer with hash"):
        Restorers(_ENGINE, timeout_s=60)("0" * 16)


def test_a_damaged_file_is_refused() -> None:
    """A file that is not the one of the card is not run."""
    card = dataclasses.replace(_NATIVE, definition=b"another")
    with pytest.raises(CannotRun, match="is damaged: reinstall slimgate"):
        loading.load(card, _ENGINE)


def test_an_engine_that_computes_otherwise_is_refused() -> None:
    """A network that does not reproduce its recorded result here is refused."""
    card = dataclasses.replace(_NATIVE, check="0" * 64)
    with pytest.raises(CannotRun, match="does not reproduce its recorded result"):
        loading.load(card, _ENGINE)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("lanczos", "is not a network"),
        ("sagemaker-x4", "needs engine.backend: sagemaker"),
        ("real-esrgan-x2plus", r"install 'slimgate\[gpu\]'|slimgate models fetch"),
    ],
)
def test_what_cannot_run_says_what_it_needs(
    name: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network without what it needs is refused, with what to do about it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(CannotRun, match=hint):
        loading.load(models.named(name), _ENGINE)


def test_the_pattern_is_the_same_everywhere() -> None:
    """The self-check pattern never changes."""
    pattern = selfcheck.pattern(4)
    assert pattern.shape == (64, 64, 4)
    assert len(np.unique(pattern)) == 256
