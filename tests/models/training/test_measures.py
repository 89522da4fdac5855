"""Tests of the loss function and the validation measure."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from torch import Tensor, nn  # noqa: E402

from slimgate.models.training import perceptual  # noqa: E402
from slimgate.models.training.measures import fidelity_loss, gain_by_label  # noqa: E402
from slimgate.models.training.network import interpolate  # noqa: E402
from slimgate.models.training.pairs import Small, Source  # noqa: E402
from tests.models.training.samples import picture  # noqa: E402

pytestmark = pytest.mark.torch

_CPU = torch.device("cpu")


def _batch(scale: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw a batch, and the residual that restores it perfectly."""
    torch.manual_seed(scale)
    small = torch.rand(2, 4, 16, 16)
    full = torch.rand(2, 3, 16 * scale, 16 * scale)
    return full - interpolate(small[:, :3], scale), small, full


@pytest.mark.parametrize("decibels", [True, False])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_the_loss_ignores_edges(scale: int, decibels: bool) -> None:
    """An error within four small pixels of an edge costs nothing, one beyond them does."""
    residual, small, full = _batch(scale)
    perfect = fidelity_loss(residual, small, full, decibels=decibels)
    edge = 4 * scale
    spoiled = residual + 9
    spoiled[..., edge:-edge, edge:-edge] -= 9
    at_edges = fidelity_loss(spoiled, small, full, decibels=decibels)
    torch.testing.assert_close(perfect, at_edges, rtol=1e-3, atol=1e-6)
    residual[..., edge, :] += 9
    assert fidelity_loss(residual, small, full, decibels=decibels) > perfect + 0.01


@pytest.mark.parametrize(("decibels", "little"), [(False, 0.005), (True, -0.27)])
def test_the_loss_grows_with_the_error(decibels: bool, little: float) -> None:
    """Twice the error costs more, and no error next to nothing: that of rounding, in decibels."""
    residual, small, full = _batch(2)
    none, some, more = (
        float(fidelity_loss(residual + error, small, full, decibels=decibels))
        for error in (0, 0.1, 0.2)
    )
    assert none < little < some < more


def test_a_score_costs_beside_the_rest() -> None:
    """With a weight, the error of SSIMULACRA2 without edges is added, for either loss."""
    residual, small, full = _batch(2)
    residual = residual + 0.05 * torch.rand_like(residual)
    restored = residual + interpolate(small[:, :3], 2)
    inner = np.s_[..., 8:-8, 8:-8]
    error = perceptual.error(restored[inner], full[inner]).mean()
    for decibels in (False, True):
        plain = fidelity_loss(residual, small, full, decibels=decibels)
        both = fidelity_loss(residual, small, full, decibels=decibels, seen=0.1)
        torch.testing.assert_close(both, plain + 0.1 * error)


def test_decibels_count_alike_wherever_they_are_lost() -> None:
    """Twice the error costs a soft patch, which is nearly right, as much as a hard one."""
    residual, small, full = _batch(2)
    losses = []
    for error in ((0.1, 0.1), (0.2, 0.1), (0.1, 0.1), (0.1, 0.2)):
        hard_and_soft = torch.tensor(error) * torch.tensor([1.0, 0.1])
        wrong = residual + hard_and_soft.reshape(2, 1, 1, 1)
        losses.append(float(fidelity_loss(wrong, small, full, decibels=True)))
    hard, soft = losses[1] - losses[0], losses[3] - losses[2]
    assert soft == pytest.approx(hard, rel=0.2)
    assert soft == pytest.approx(0.02 * np.log(4) / 2, rel=0.2)


def test_gains_are_over_bicubic_and_by_coding() -> None:
    """A residual of zero has no gain; codings are distinguished."""
    small = picture(12, seed=0)
    full = small.repeat(2, axis=0).repeat(2, axis=1)
    source = Source("a", full, (Small(small, 0, "one"), Small(small, 9, "two")))
    zero = _Constant(0.0)
    assert gain_by_label(zero, [source], _CPU) == {"one": [0.0], "two": [0.0]}
    worse = gain_by_label(_Constant(0.2), [source], _CPU)
    assert max(worse["one"] + worse["two"]) < -1


class _Constant(nn.Module):  # type: ignore[misc, unused-ignore]  # torch may be missing
    """A network with a constant residual."""

    scale, reach = 2, 1

    def __init__(self, value: float) -> None:
        super().__init__()
        self._value = value

    def forward(self, small: Tensor) -> Tensor:
        """Return it at twice the size."""
        count, _, height, width = small.shape
        return torch.full((count, 3, 2 * height, 2 * width), self._value)
