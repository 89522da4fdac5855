"""Tests of the integer form while it is fine-tuned: it computes what will ship."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from torch import Tensor  # noqa: E402

from slimgate.models.formats.integer import MAX_WEIGHT  # noqa: E402
from slimgate.models.training.network import PlainStack  # noqa: E402
from slimgate.models.training.quantized import QuantizedStack  # noqa: E402
from tests.models.networks import random_tiles  # noqa: E402

pytestmark = pytest.mark.torch


def _inputs(*, seed: int = 0, side: int = 20) -> Tensor:
    tiles = random_tiles(4, side, seed=seed)
    return torch.from_numpy(tiles.transpose(0, 3, 1, 2).copy()).float() / 256


def _float(scale: int, *, gain: float = 4.0) -> PlainStack:
    """Make a float network whose residuals are large enough to show every rounding."""
    torch.manual_seed(scale)
    network = PlainStack(scale, width=8, depth=3)
    with torch.no_grad():
        network.last.kernel *= 10 * gain
        for layer in (network.first, *network.inner, network.last):
            layer.bias.normal_(std=0.05)
            layer.points.normal_(std=0.05)
    return network


def _quantized(scale: int) -> QuantizedStack:
    stack = QuantizedStack(scale, width=8, depth=3)
    stack.take(_float(scale), [_inputs(seed=1)])
    return stack


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_the_forward_pass_is_the_definition(scale: int) -> None:
    """The fine-tuned network is bit-identical to the exported integers."""
    stack = _quantized(scale)
    tiles = random_tiles(4, 20, seed=2)
    expected = stack.export().residual(tiles)
    with torch.no_grad():
        result = stack(_inputs(seed=2)) * 256
    assert len(np.unique(expected)) > 50
    np.testing.assert_array_equal(expected, result.numpy().transpose(0, 2, 3, 1))


def test_it_stays_close_to_its_parent() -> None:
    """Rounding to 8 bits changes results by a fraction of them."""
    network, stack = _float(2, gain=1.0), QuantizedStack(2, width=8, depth=3)
    stack.take(network, [_inputs(seed=1)])
    small = _inputs(seed=3)
    with torch.no_grad():
        before, after = network(small).clamp(-0.5, 127 / 256), stack(small)
    assert float((before - after).square().mean()) < 0.01 * float(before.square().mean())


def test_gradients_pass_through_the_rounding() -> None:
    """Every weight and bias learns, although rounding is flat."""
    stack = _quantized(2)
    stack(_inputs()).square().mean().backward()
    for name, weight in stack.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
        assert weight.grad.abs().max() > 0, name


def test_weights_stay_within_what_processors_add_up() -> None:
    """Exported weights keep to the limit that all processors compute exactly with."""
    network = _quantized(3).export()
    largest = max(int(np.abs(layer.weight.astype(np.int64)).max()) for layer in network.layers)
    assert MAX_WEIGHT // 2 < largest <= MAX_WEIGHT
    assert network.reach == 5


def test_names_of_weights_stay() -> None:
    """Checkpoints of earlier runs can be loaded: these names are in them."""
    expected = {f"{kind}.{index}" for kind in ("weights", "biases") for index in range(3)}
    assert set(QuantizedStack(2, width=4, depth=1).state_dict()) == expected | {"exponents"}
