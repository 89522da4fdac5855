"""Tests that an engine which does not compute integers exactly is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from slimgate import models
from slimgate.config import Engine
from slimgate.models.engine import loading, selfcheck
from slimgate.models.engine.network import CannotRun, Network, Pixels, Tiles
from slimgate.models.engines import openvino_engine
from slimgate.models.engines.openvino_engine import OpenVinoNetwork
from slimgate.models.formats import qdq
from slimgate.models.formats.integer import Array, IntegerNetwork, Layer
from slimgate.models.registry import native
from slimgate.models.training import unpublished
from tests.models.networks import random_tiles

_CARDS: Final = pytest.mark.parametrize("card", native.CARDS, ids=lambda card: card.name)
_NATIVE: Final = native.CARDS[0]

Rounding = Callable[[Array], Array]


def _file(card: models.Card) -> bytes:
    assert card.file is not None
    return Path(native.__file__).with_name(card.file).read_bytes()


@cache
def _definition(card: models.Card) -> IntegerNetwork:
    return qdq.read(_file(card))


def _bfloat16(values: Array) -> Array:
    """Round to 8 bits of significand, half to even."""
    bits = values.astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return np.asarray(rounded.astype(np.uint32).view(np.float32), np.float64)


def _float16(values: Array) -> Array:
    return values.astype(np.float16).astype(np.float64)


def _float32(values: Array) -> Array:
    return values.astype(np.float32).astype(np.float64)


@dataclass(frozen=True)
class _Rounding(IntegerNetwork):
    """An integer network on an engine that rounds sums."""

    rounding: Rounding

    def _sums(self, index: int, layer: Layer, features: Array, first: Array) -> Array:
        return self.rounding(super()._sums(index, layer, features, first))


def _on_an_engine_that_rounds(network: IntegerNetwork, rounding: Rounding) -> Network:
    return selfcheck.Definition(_Rounding(network.scale, network.layers, rounding))


@_CARDS
def test_what_is_recorded_is_what_is_defined(card: models.Card) -> None:
    """The digest on a card is that of the definition in float64, not of some engine."""
    assert selfcheck.digest(selfcheck.Definition(_definition(card))) == card.check


@_CARDS
@pytest.mark.parametrize("rounding", [_bfloat16, _float16])
def test_engines_that_round_sums_are_refused(card: models.Card, rounding: Rounding) -> None:
    """An engine with less precision than float32 is detected on any CPU."""
    inexact = _on_an_engine_that_rounds(_definition(card), rounding)
    with pytest.raises(CannotRun, match=f"{card.name} does not reproduce its recorded result"):
        selfcheck.check(inexact, card)


def test_engines_that_sum_in_float32_are_accepted() -> None:
    """Rounding to float32 changes nothing, so that it is no reason to refuse an engine."""
    rounded = _on_an_engine_that_rounds(_definition(_NATIVE), _float32)
    selfcheck.check(rounded, _NATIVE)
    assert selfcheck.digest(rounded) == _NATIVE.check


def _with(card: models.Card, settings: dict[str, str]) -> Network:
    (scale,) = card.scales
    halo = card.receptive_field
    side = selfcheck.SIDE
    shape = openvino_engine.Shape(scale, side, halo, 2, "residual", card.channels)
    model = openvino_engine.read(_file(card))
    return OpenVinoNetwork(model, shape, threads=1, settings=settings)


def _is_refused(network: Network, card: models.Card) -> bool:
    try:
        selfcheck.check(network, card)
    except CannotRun:
        return True
    return False


@_CARDS
@pytest.mark.parametrize(
    "settings",
    [
        {"INFERENCE_PRECISION_HINT": "bf16"},
        {"INFERENCE_PRECISION_HINT": "f16"},
        {"INFERENCE_PRECISION_HINT": "dynamic", "EXECUTION_MODE_HINT": "PERFORMANCE"},
    ],
    ids=lambda settings: "-".join(settings.values()),
)
def test_openvino_is_exact_or_refused(card: models.Card, settings: dict[str, str]) -> None:
    """No setting of any CPU changes a restored image."""
    network = _with(card, settings)
    tiles = random_tiles(2, selfcheck.SIDE, seed=3, channels=card.channels)
    exact = np.array_equal(_definition(card).residual(tiles), network.run(tiles))
    assert exact or _is_refused(network, card)


@dataclass(frozen=True)
class _Off(selfcheck.Definition):
    """A network that is off by one in one value of batches of one size."""

    batch: int = 1

    def run(self, tiles: Pixels) -> Tiles:
        result = self.network.residual(tiles)
        if len(tiles) == self.batch:
            result[-1, result.shape[1] // 2, result.shape[2] // 2, 1] ^= 1
        return result


@pytest.mark.parametrize("batch", [1, 2])
def test_one_value_is_enough(batch: int) -> None:
    """One bit that differs is noticed, also where only batches of some size have it."""
    off = _Off(_definition(_NATIVE), batch=batch)
    with pytest.raises(CannotRun, match="does not compute integers exactly"):
        selfcheck.check(off, _NATIVE)


def test_a_network_without_a_card_is_compared_with_its_definition() -> None:
    """Results of a network that was trained here count only where they are those defined."""
    data, definition = _file(_NATIVE), _definition(_NATIVE)
    selfcheck.check_against(unpublished.ready(data), definition)
    with pytest.raises(CannotRun, match="does not compute integers exactly"):
        selfcheck.check_against(_on_an_engine_that_rounds(definition, _bfloat16), definition)


def test_inexact_engines_are_refused_at_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network of the package, and none from a file, is used on an engine that is inexact."""

    class Inexact(OpenVinoNetwork):
        def run(self, tiles: Pixels) -> Tiles:
            return _on_an_engine_that_rounds(_definition(_NATIVE), _bfloat16).run(tiles)

    monkeypatch.setattr(openvino_engine, "OpenVinoNetwork", Inexact)
    monkeypatch.setattr(unpublished, "OpenVinoNetwork", Inexact)
    with pytest.raises(CannotRun, match="does not reproduce its recorded result"):
        loading.load(_NATIVE, Engine(threads=1))
    with pytest.raises(CannotRun, match="does not reproduce its recorded result"):
        unpublished.ready(_file(_NATIVE))
