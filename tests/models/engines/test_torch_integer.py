"""Tests of running integer networks with torch: equal to their definition, to the bit."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from slimgate.config import Engine  # noqa: E402
from slimgate.models.engine import loading, selfcheck  # noqa: E402
from slimgate.models.engine.network import CannotRun, Tiles  # noqa: E402
from slimgate.models.engines.torch_integer import TorchIntegerNetwork  # noqa: E402
from slimgate.models.formats.integer import Inexact  # noqa: E402
from slimgate.models.registry import native  # noqa: E402
from slimgate.models.registry.cards import Card  # noqa: E402
from tests.models.networks import integer_network, random_tiles  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("depth", [1, 5])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_results_are_those_of_the_definition(scale: int, depth: int) -> None:
    """Every engine computes the same bits, for noise and for the largest sums."""
    network = integer_network(scale, seed=scale, width=16, depth=depth)
    tiles = random_tiles(4, 24, seed=scale)
    loaded = TorchIntegerNetwork(network, device="cpu", tile=24)
    expected = network.residual(tiles)
    assert len(np.unique(expected)) > 100
    assert np.array_equal(expected, loaded.run(tiles))
    assert ("residual", network.reach, scale) == (loaded.gives, loaded.halo, loaded.scale)


def test_the_company_of_a_tile_makes_no_difference() -> None:
    """A tile has the same result alone and in a batch, with one thread and with two."""
    network = integer_network(2, seed=9)
    tiles = random_tiles(3, 20, seed=9)
    loaded = TorchIntegerNetwork(network, device="cpu", tile=20)
    together = loaded.run(tiles)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = np.concatenate([loaded.run(tile[np.newaxis]) for tile in tiles])
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(together, alone)


def test_networks_that_could_differ_are_refused() -> None:
    """A network whose sums do not fit into float32 is not run."""
    network = integer_network(2, seed=1)
    first = network.layers[0]
    wide = dataclasses.replace(first, bias=np.full_like(first.bias, 1 << 24))
    with pytest.raises(Inexact):
        TorchIntegerNetwork(dataclasses.replace(network, layers=(wide, *network.layers[1:])))


class _Careless(TorchIntegerNetwork):
    """A device that is off by one in one value."""

    def run(self, tiles: Tiles) -> Tiles:
        result = super().run(tiles)
        result[-1, -1, -1, -1] ^= 1
        return result


def test_a_device_that_differs_is_refused() -> None:
    """A device is compared with the definition before use."""
    with pytest.raises(CannotRun, match="cpu computes integers inexactly"):
        _Careless(integer_network(2, seed=3), device="cpu")


@pytest.mark.parametrize("card", native.CARDS, ids=lambda card: card.name)
def test_shipped_networks_give_what_is_recorded(card: Card) -> None:
    """A native restorer on torch is the one that OpenVINO computes."""
    network = loading.load(card, Engine(backend="torch", device="cpu", threads=1))
    assert selfcheck.digest(network) == card.check


def test_loading_compares_with_what_is_recorded() -> None:
    """Torch must also reproduce the digest on the card."""
    card = dataclasses.replace(native.CARDS[0], check="0" * 64)
    with pytest.raises(CannotRun, match="does not reproduce its recorded result"):
        loading.load(card, Engine(backend="torch", device="cpu", threads=1))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_is_refused(precision: str) -> None:
    """Products of matrices that are rounded to less than float32 are noticed before use."""
    network = integer_network(2, seed=4, width=32)
    with (
        torch.autocast("cpu", getattr(torch, precision)),
        pytest.raises(CannotRun, match="computes integers inexactly"),
    ):
        TorchIntegerNetwork(network, device="cpu", tile=24)


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_faster_products_are_exact_or_refused(precision: str) -> None:
    """TensorFloat-32 and bfloat16 hold weights and activations; their sums are in float32."""
    network = integer_network(2, seed=5, width=32)
    tiles = random_tiles(2, 24, seed=5)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        loaded = TorchIntegerNetwork(network, device="cpu", tile=24)
        assert np.array_equal(network.residual(tiles), loaded.run(tiles))
    except CannotRun:
        pass  # as it should be where a processor rounds sums
    finally:
        torch.set_float32_matmul_precision(before)
