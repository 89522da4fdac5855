"""The integer form of a network during fine-tuning, and its export.

The forward pass uses the rounded numbers that will ship; gradients ignore the rounding
(straight-through estimator, Bengio et al. 2013).
"""

import itertools
import math
from collections.abc import Iterable
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from slimgate.models.engine.network import CHANNELS
from slimgate.models.formats.integer import (
    INPUT_EXPONENT,
    MAX_ACTIVATION,
    MAX_WEIGHT,
    RESIDUAL_EXPONENT,
    IntegerNetwork,
    Layer,
)
from slimgate.models.training.network import Collapsible, PlainStack, straight_through

_Number = TypeVar("_Number", np.int8, np.int32, np.int64)

_PERCENTILE: Final = 99.995
"""Activations beyond are clipped: a few outliers would cost all others a bit."""

_SHIFT_LIMIT: Final = 20  # exponents of weights; channels of tiny weights need no finer ones
_EXPONENTS: Final = (
    -8,
    16,
)  # of activations; what lies beyond is a network that has learned nothing


class QuantizedStack(nn.Module):  # type: ignore[misc, unused-ignore]  # torch may be missing
    """A plain stack in the arithmetic of :class:`slimgate.models.formats.integer.IntegerNetwork`.

    Args:
        scale: scale factor.
        width: channels of inner feature maps.
        depth: number of inner convolutions.
        inputs: input channels: of a restorer, RGB and level.
    """

    exponents: Tensor

    def __init__(self, scale: int, *, width: int, depth: int, inputs: int = CHANNELS) -> None:
        super().__init__()
        self.scale = scale
        channels = [inputs, *[width] * (depth + 1), 3 * scale * scale]
        pairs = list(itertools.pairwise(channels))
        self.weights = nn.ParameterList(torch.zeros(after, before, 3, 3) for before, after in pairs)
        self.biases = nn.ParameterList(torch.zeros(after) for _, after in pairs)
        self.register_buffer("exponents", torch.zeros(len(pairs), dtype=torch.int64))

    @property
    def reach(self) -> int:
        """Return the radius of the receptive field in the small image, pixels."""
        return len(self.weights)

    def take(self, network: PlainStack, batches: Iterable[Tensor]) -> None:
        """Convert a float network, scaling activations by their range on some inputs.

        Args:
            network: trained network.
            batches: inputs, float (n, inputs, h, w) in 1/256.
        """
        with torch.no_grad():
            for index, convolution in enumerate(_convolutions(network)):
                self.weights[index].copy_(convolution.weight())
                self.biases[index].copy_(convolution.bias)
            peaks = torch.stack([_peaks(network, batch) for batch in batches]).amax(dim=0)
        exponents = torch.floor(torch.log2(MAX_ACTIVATION / peaks)).to(torch.int64).cpu()
        self.exponents.copy_(
            torch.cat([exponents, torch.tensor([RESIDUAL_EXPONENT])]).clamp(*_EXPONENTS)
        )

    def forward(self, small: Tensor) -> Tensor:
        """Return the residual like :meth:`PlainStack.forward`, rounded as it will be."""
        features, first, unit = small, small, float(INPUT_EXPONENT)
        final = len(self.weights) - 1
        for index in range(final + 1):
            weight, exponents = _rounded_weight(self.weights[index])
            units = torch.exp2(unit + exponents)
            bias = _straight(self.biases[index] * units) / units
            values = functional.conv2d(features, weight, bias, padding=1)
            if index == final - 1:
                values = values + first
            unit = float(self.exponents[index])
            limits = (-128, 127) if index == final else (0, MAX_ACTIVATION)
            features = _straight(values * 2**unit).clamp(*limits) / 2**unit
            first = features if index == 0 else first
        return functional.pixel_shuffle(features, self.scale)

    def export(self) -> IntegerNetwork:
        """Return the integer network.

        Raises:
            Inexact: a sum could leave the range in which all engines agree.
        """
        units = [INPUT_EXPONENT, *(int(exponent) for exponent in self.exponents)]
        layers = tuple(self._layer(index, units[index]) for index in range(len(self.weights)))
        network = IntegerNetwork(self.scale, layers)
        network.prove()
        return network

    def _layer(self, index: int, unit: int) -> Layer:
        """Return the integers of a layer whose input is in units of ``2**-unit``."""
        weight, exponents = _rounded_weight(self.weights[index].detach())
        return Layer(
            weight=_integers(weight * torch.exp2(exponents)[:, None, None, None], np.int8),
            bias=_integers(self.biases[index] * torch.exp2(unit + exponents), np.int32),
            weight_exponents=_integers(exponents, np.int64),
            exponent=int(self.exponents[index]),
            skip=index == len(self.weights) - 2,
        )


def _convolutions(network: PlainStack) -> list[Collapsible]:
    return [module for module in network.modules() if isinstance(module, Collapsible)]


def _peaks(network: PlainStack, small: Tensor) -> Tensor:
    """Return the range of the results of all layers except the last."""
    features = functional.relu(network.first(small))
    first = features
    values = [features]
    for index, convolution in enumerate(network.inner):
        before = convolution(features)
        features = functional.relu(before + first if index == len(network.inner) - 1 else before)
        values.append(features)
    return torch.stack([_percentile(value) for value in values])


def _percentile(values: Tensor) -> Tensor:
    flat = values.flatten()
    rank = max(1, math.ceil(flat.numel() * _PERCENTILE / 100))
    return flat.kthvalue(rank).values.clamp(min=1e-3)


def _rounded_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round kernels to 7 bits and sign, with a power of two per output channel."""
    peaks = weight.detach().abs().amax(dim=(1, 2, 3)).clamp(min=1e-9)
    exponents = torch.floor(torch.log2((MAX_WEIGHT + 0.49) / peaks)).clamp(max=_SHIFT_LIMIT)
    units = torch.exp2(exponents)[:, None, None, None]
    rounded = _straight(weight * units).clamp(-MAX_WEIGHT, MAX_WEIGHT) / units
    return rounded, exponents


def _straight(values: Tensor) -> Tensor:
    """Round in the forward pass, and pass gradients through."""
    return straight_through(values, torch.round(values))


def _integers(values: Tensor, dtype: type[_Number]) -> npt.NDArray[_Number]:
    exact: npt.NDArray[np.float64] = values.detach().double().cpu().numpy()
    return np.rint(exact).astype(dtype)
