"""Tests of the list of restorers."""

import dataclasses

import numpy as np
import pytest

from slimgate import models
from slimgate.models import CATALOG, NAMES, Card
from slimgate.models.registry.catalog import RESTORERS, needed_by

# Manifests in buckets name restorers by these: they may be added to, and never change.
_NATIVE = {
    "native-x1": "d17fc6b5be506378",
    "native-x1-1": "f06b899b74a32443",
    "native-x2": "2707f22b22b62c9d",
    "native-x2-1": "8a9592b111448a06",
    "native-x2-2": "c69733e4e5a3f954",
    "native-x2-3": "243943f6ab8137f3",
    "native-x2-downscaler": "3d2e0e5dc755b37a",
    "native-x3": "46dcf3548314868e",
    "native-x3-1": "c7411f5e719bd748",
    "native-x3-downscaler": "78c15e890af6fb80",
    "native-x4": "153530a525d95590",
    "native-x4-1": "bedf8962f03d284d",
}
_HASHES = {
    "bicubic": "ba5756bddb30fb48",
    "lanczos": "14824b0bd9329564",
    "real-esrgan-x4plus": "528d3a9194b71623",
    "real-esrgan-x2plus": "aa6cb70e4518a06d",
    "real-esrgan-general-x4v3": "3797bb8394cd7d82",
    "realesr-animevideov3": "b08dfa3248b980bf",
    "sagemaker-x4": "1cd11c5c3a48b6c4",
    **_NATIVE,
}
_INTERPOLATIONS = [card for card in CATALOG if not card.is_network]


def test_hashes_never_change() -> None:
    """Every card has the hash that it had when the first object was stored with it."""
    assert {card.name: card.hash for card in CATALOG} == _HASHES


def test_names_and_hashes_are_unique() -> None:
    """No two cards can be taken for one another."""
    assert len(CATALOG) == len({card.name for card in CATALOG})
    assert len(CATALOG) == len({card.hash for card in CATALOG})
    assert {card.name for card in RESTORERS} | {"native"} == NAMES


def test_the_native_family_has_one_restorer_for_each_scale() -> None:
    """Uploads get the newest edition for each scale."""
    chosen = models.chosen("native")
    assert {2, 3, 4} <= chosen.keys() <= {1, 2, 3, 4}
    for scale, content_hash in chosen.items():
        assert scale in models.hashed(content_hash).scales
    newest = {f"native-x{scale}" for scale in (1, 2, 3, 4)}
    assert newest == {models.hashed(content_hash).name for content_hash in chosen.values()}


@pytest.mark.parametrize("card", RESTORERS, ids=lambda card: card.name)
def test_a_chosen_restorer_serves_all_its_scales(card: Card) -> None:
    """A policy that names a restorer gets it for every scale that it has, and for no other."""
    assert dict.fromkeys(card.scales, card.hash) == models.chosen(card.name)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Card)])
def test_cards_are_frozen(field: str) -> None:
    """Nothing on a card can be changed."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(CATALOG[0], field, None)


def test_hashes_follow_the_definition_alone() -> None:
    """Another definition is another restorer; a corrected licence or source is the same one."""
    card = CATALOG[0]
    assert card.hash == dataclasses.replace(card, source="elsewhere", licence="MIT").hash
    assert card.hash != dataclasses.replace(card, definition=card.definition + b".").hash


@pytest.mark.parametrize("card", CATALOG, ids=lambda card: card.name)
def test_every_card_is_found(card: Card) -> None:
    """A card is found by its hash, and that of a restorer by its name."""
    if card in RESTORERS:
        assert card is models.named(card.name)
    assert card is models.hashed(card.hash)


@pytest.mark.parametrize("card", _INTERPOLATIONS, ids=lambda card: card.name)
def test_interpolations_load(card: Card) -> None:
    """Restorers without an engine support all their scales."""
    pixels = np.full((5, 7, 3), 90, np.uint8)
    for scale in card.scales:
        full = models.restorer(card.hash).upscale(pixels, scale, level=0)
        assert full.shape == (5 * scale, 7 * scale, 3)
        assert set(full.flat) == {90}


def test_networks_need_an_engine() -> None:
    """A network is never taken for an interpolation."""
    networks = [card for card in CATALOG if card.is_network]
    assert networks
    for card in networks:
        with pytest.raises(LookupError, match=f"{card.name} is a network"):
            models.restorer(card.hash)


@pytest.mark.parametrize("card", _INTERPOLATIONS, ids=lambda card: card.name)
def test_receptive_fields_are_true(card: Card) -> None:
    """A pixel further away than the receptive field changes nothing, one at its edge does."""
    pixels = np.full((1, 41), 100, np.uint8)
    changed = pixels.copy()
    changed[0, 20] = 255
    for scale in card.scales:
        restorer = card.load()
        before, after = (restorer.upscale(image, scale, level=0)[0] for image in (pixels, changed))
        reached = {abs(int(column) // scale - 20) for column in np.flatnonzero(before != after)}
        assert max(reached) == card.receptive_field


@pytest.mark.parametrize("name", ["", "native", "LANCZOS", "lanczos "])
def test_unknown_names_are_lookup_errors(name: str) -> None:
    """A name that no card has is refused, and the message lists the names there are."""
    with pytest.raises(LookupError, match="choose one of bicubic, lanczos"):
        models.named(name)


@pytest.mark.parametrize("content_hash", ["", "0" * 16, _HASHES["lanczos"].upper(), "lanczos"])
def test_unknown_hashes_are_lookup_errors(content_hash: str) -> None:
    """A hash that no card has is refused, also when it comes with other letters."""
    for lookup in (models.hashed, models.restorer):
        with pytest.raises(LookupError, match="no restorer with hash"):
            lookup(content_hash)


def test_downscalers_fit_their_restorers() -> None:
    """The network that shrinks for a restorer has its scale, and policies cannot name it."""
    restorers = [card for card in CATALOG if card.downscaler is not None]
    assert {scale for card in restorers for scale in card.scales} == {2, 3}
    for card in restorers:
        downscaler = models.hashed(card.downscaler or "")
        assert (downscaler.shrinks,) == card.scales
        assert downscaler not in RESTORERS
        with pytest.raises(LookupError, match="unknown restorer"):
            models.named(downscaler.name)
        assert needed_by(downscaler.hash) is card
        assert needed_by(card.hash) is card
        assert models.networks([card.hash]) == {card.hash, downscaler.hash}


def test_networks_leave_interpolation_out() -> None:
    """An engine need not load what is no network."""
    bicubic, native = models.named("bicubic"), models.named("native-x2-1")
    assert models.networks([bicubic.hash, native.hash]) == {native.hash}
