"""Tests of the network that shrinks, before it is an integer network."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from torch import Tensor  # noqa: E402

from slimgate.models.engine.downscaling import stacked  # noqa: E402
from slimgate.models.training.downscaling import (  # noqa: E402
    Downscaler,
    channels,
    inputs,
    pixel_values,
)
from slimgate.models.training.initialization import rounded  # noqa: E402
from slimgate.models.training.renditions import shrink  # noqa: E402
from tests.models.training.samples import Pixels, picture  # noqa: E402

pytestmark = pytest.mark.torch


def _seen(scale: int, *, seed: int = 1) -> Tensor:
    full = picture(12 * scale, seed=seed)
    return channels(_tensor(full), _tensor(shrink(full, scale)))


def _tensor(image: Pixels) -> Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 256


def _trained(scale: int) -> Downscaler:
    """Return a network all of whose branches do something."""
    torch.manual_seed(scale)
    network = Downscaler(scale, width=8, depth=2)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.add_(torch.randn_like(weight) * (0.01 if "last" in name else 0.05))
    return network


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_channels_are_those_of_the_engine(scale: int) -> None:
    """Training sees what engines are fed: colours, blocks, and a level of 0."""
    full = picture(12 * scale, seed=1)
    expected = stacked(shrink(full, scale), full, scale)
    found = (_seen(scale)[0] * 256).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(found[..., :-1], expected)
    assert found.shape[2] == inputs(scale)
    assert not found[..., -1].any()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_folding_changes_nothing(scale: int) -> None:
    """Without the subtraction the network returns the same, at edges too."""
    network, seen = _trained(scale), _seen(scale)
    with torch.no_grad():
        expected, found = network(seen), network.folded()(seen)
    assert float(expected.abs().max()) > 4 / 256
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_integers_compute_what_ships(scale: int) -> None:
    """The rounded network is bit-identical to its export, and near to its float parent."""
    network, seen = _trained(scale), _seen(scale, seed=2)
    stack = rounded(network.folded(), [_seen(scale), seen])
    exported = stack.export()
    assert (exported.scale, exported.channels) == (1, inputs(scale))
    tiles = (seen * 256).permute(0, 2, 3, 1).to(torch.uint8).numpy()
    with torch.no_grad():
        found, parent = stack(seen), network(seen)
    expected = exported.residual(tiles)
    assert len(np.unique(expected)) > 10
    np.testing.assert_array_equal((found * 256).permute(0, 2, 3, 1).numpy(), expected)
    error = (found - parent).square().mean()
    assert float(error) < 0.05 * float(parent.square().mean())


def test_it_starts_as_lanczos() -> None:
    """Before training nothing is added to the shrunk image, but everything learns."""
    network = Downscaler(2, width=4, depth=1)
    residual = network(_seen(2))
    assert not residual.any()
    residual.sum().backward()
    assert network.stack.last.kernel.grad.abs().max() > 0


def test_pixel_values_are_rounded_and_clipped() -> None:
    """Values become multiples of 1/256 from 0 to 255; gradients stop where they are clipped."""
    values = torch.tensor([-0.1, 0.0, 10.4 / 256, 10.6 / 256, 255 / 256, 1.0], requires_grad=True)
    found = pixel_values(values)
    assert (found * 256).tolist() == [0, 0, 10, 11, 255, 255]
    found.sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [0, 1, 1, 1, 1, 0]
