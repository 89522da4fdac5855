"""Tests of the network that is trained."""

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from slimgate.models.training.network import Collapsible, PlainStack, interpolate  # noqa: E402

pytestmark = pytest.mark.torch


def _branches(layer: Collapsible, features: Tensor) -> Tensor:
    """Compute every branch by itself and add the results up."""
    result = functional.conv2d(features, layer.kernel, layer.bias, padding=1)
    for points, kernel in zip(layer.points, layer.filters, strict=True):
        mixed = functional.conv2d(features, points[:, :, None, None])
        each = kernel[None, None].expand(len(points), 1, 3, 3)
        result = result + functional.conv2d(mixed, each, padding=1, groups=len(points))
    return result


@pytest.mark.parametrize(("inputs", "outputs"), [(4, 6), (6, 6), (6, 12)])
def test_branches_collapse_exactly(inputs: int, outputs: int) -> None:
    """One convolution with the summed kernels equals the sum of all branches."""
    torch.manual_seed(inputs)
    layer = Collapsible(inputs, outputs, gain=1.0, identity=False).double()
    nn.init.normal_(layer.points)
    nn.init.normal_(layer.bias)
    features = torch.randn(2, inputs, 9, 11, dtype=torch.float64)
    torch.testing.assert_close(_branches(layer, features), layer(features), rtol=1e-12, atol=1e-12)


def test_identities_begin_as_such() -> None:
    """A layer with an identity and no gain returns its input."""
    layer = Collapsible(5, 5, gain=0.0, identity=True)
    features = torch.randn(1, 5, 6, 7)
    torch.testing.assert_close(features, layer(features))


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_interpolation_is_that_of_restorers(scale: int) -> None:
    """The result is Pillow's, at edges and where the filter overshoots black and white, too."""
    pixels = np.array([0, 3, 90, 250, 255], np.uint8)[
        np.random.default_rng(5).integers(5, size=(33, 24, 3))
    ]
    expected = Image.fromarray(pixels).resize((24 * scale, 33 * scale), Image.Resampling.BICUBIC)
    small = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None].float() / 256
    actual = interpolate(small, scale)[0].mul(256).numpy().transpose(1, 2, 0)
    difference = np.abs(actual - np.asarray(expected, np.float32))
    assert difference.max() <= 1  # where Pillow's integers round a half differently
    assert difference.astype(bool).mean() < 0.001


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_results_have_the_enlarged_size(scale: int) -> None:
    """Residuals have full size, and depend on the receptive field alone."""
    torch.manual_seed(0)
    network = PlainStack(scale, width=6, depth=2).double()
    small = torch.rand(2, 4, 16, 17, dtype=torch.float64)
    result = network(small)
    assert tuple(result.shape) == (2, 3, 16 * scale, 17 * scale)
    assert network.reach == 4
    bottom = slice(15 * scale, None)
    for beyond, same in ((0, True), (1, False)):
        changed = small.clone()
        changed[..., : 15 - network.reach + beyond, :] = 0
        expected = network(changed)[..., bottom, :]
        assert same == torch.allclose(expected, result[..., bottom, :], rtol=0, atol=1e-12)


def test_names_of_weights_stay() -> None:
    """Checkpoints of earlier runs can be loaded: these names are in them."""
    expected = {
        f"{layer}.{part}"
        for layer in ("first", "inner.0", "inner.1", "last")
        for part in ("kernel", "points", "bias")
    }
    assert set(PlainStack(2, width=4, depth=2).state_dict()) == expected
