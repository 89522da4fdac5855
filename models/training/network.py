"""The trained network: a plain stack of 3x3 convolutions with two skip connections.

During training, every kernel is the sum of re-parameterized branches (3x3, 1x1, identity, Sobel and
Laplacian filters behind 1x1, after ECBSR, Zhang et al. 2021). Branches are added in weight space
before the convolution, so they are cheap, and collapse to plain ReLU + convolution for export.
"""

from functools import lru_cache
from typing import Final, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from slimgate.models.engine.network import CHANNELS

LEVELS: Final = 256
"""Pixels and levels are divided by this power of two, so that integers need no rounding."""

_SOBEL: Final = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]) / 8
_LAPLACE: Final = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]) / 8


class Collapsible(nn.Module):  # type: ignore[misc, unused-ignore]  # torch may be missing
    """A 3x3 convolution whose kernel is the sum of several branches.

    Args:
        inputs: input channels.
        outputs: output channels.
        gain: factor of the random initialization.
        identity: add the identity to the random initialization.
    """

    filters: Tensor
    delta: Tensor

    def __init__(self, inputs: int, outputs: int, *, gain: float, identity: bool) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        nn.init.kaiming_normal_(self.kernel)
        self.kernel.data *= gain
        if identity:
            nn.init.dirac_(point := torch.empty(outputs, inputs, 3, 3))
            self.kernel.data += point
        self.points = nn.Parameter(torch.zeros(4, outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        delta = torch.zeros(3, 3)
        delta[1, 1] = 1
        filters = torch.stack([delta, _SOBEL, _SOBEL.T, _LAPLACE])
        self.register_buffer("filters", filters, persistent=False)

    def weight(self) -> Tensor:
        """Return the sum of the branches: (outputs, inputs, 3, 3)."""
        return self.kernel + torch.einsum("foi,fhw->oihw", self.points, self.filters)

    def forward(self, features: Tensor) -> Tensor:
        """Convolve zero-padded (n, inputs, h, w)."""
        return functional.conv2d(features, self.weight(), self.bias, padding=1)


class PlainStack(nn.Module):  # type: ignore[misc, unused-ignore]  # torch may be missing
    """Predicts the residual of interpolation.

    Args:
        scale: scale factor.
        width: channels of inner feature maps.
        depth: number of inner convolutions.
        inputs: input channels: of a restorer, RGB and level.
    """

    def __init__(self, scale: int, *, width: int, depth: int, inputs: int = CHANNELS) -> None:
        super().__init__()
        self.scale = scale
        self.first = Collapsible(inputs, width, gain=1.0, identity=False)
        self.inner = nn.ModuleList(
            Collapsible(width, width, gain=0.1, identity=True) for _ in range(depth)
        )
        self.last = Collapsible(width, 3 * scale * scale, gain=0.01, identity=False)

    @property
    def reach(self) -> int:
        """Return the radius of the receptive field in the small image, pixels."""
        return len(self.inner) + 2

    def forward(self, small: Tensor) -> Tensor:
        """Return the residual to the interpolated image.

        Args:
            small: float, (n, inputs, h, w), all in 1/256; of a restorer, RGB and level.

        Returns:
            float, (n, 3, h * scale, w * scale), in 1/256 of a pixel value.
        """
        first = functional.relu(self.first(small))
        features = first
        for convolution in self.inner[:-1]:
            features = functional.relu(convolution(features))
        features = functional.relu(self.inner[-1](features) + first)
        return functional.pixel_shuffle(self.last(features), self.scale)


class Stack(Protocol):
    """A network in training, in floats or in integers."""

    scale: int

    @property
    def reach(self) -> int: ...  # noqa: D102

    def __call__(self, small: Tensor, /) -> Tensor: ...  # noqa: D102


def restore(network: Stack, small: Tensor) -> Tensor:
    """Restore whole images as engines do: beyond an image, its edge is repeated.

    Convolutions alone would pad with zeros. Training excludes the edges of patches, so what they
    return there is arbitrary.

    Args:
        network: returns residuals of interpolation.
        small: float, (n, inputs, h, w), all in 1/256; the first three channels are RGB.

    Returns:
        float, (n, 3, h * scale, w * scale), in 1/256 of a pixel value, not rounded.
    """
    scale, edge = network.scale, network.reach * network.scale
    height, width = (side * scale for side in small.shape[-2:])
    residual = network(functional.pad(small, (network.reach,) * 4, mode="replicate"))
    inner = residual[..., edge : edge + height, edge : edge + width]
    return interpolate(small[:, :3], scale) + inner


def interpolate(small: Tensor, scale: int) -> Tensor:
    """Enlarge with Pillow's bicubic filter (a = -0.5), as engines do before they add residuals.

    Columns first, then rows; each pass rounds and clips to pixel values.

    Args:
        small: float, (n, 3, h, w), pixel values in 1/256.
        scale: integer factor.

    Returns:
        float, (n, 3, h * scale, w * scale), pixel values in 1/256.
    """
    if scale == 1:
        return small
    rows, columns = (_filter(side, scale).to(small) for side in small.shape[-2:])
    return _pixels(rows @ _pixels(small @ columns.T))


def _pixels(values: Tensor) -> Tensor:
    """Round to pixel values; halves up, as Pillow does. Gradients ignore it."""
    return straight_through(values, (values * LEVELS + 0.5).floor().clamp(0, 255) / LEVELS)


def straight_through(values: Tensor, rounded: Tensor) -> Tensor:
    """Return the rounded values exactly, with the gradients of the others (Bengio et al. 2013)."""
    return rounded.detach() + (values - values.detach())


@lru_cache(maxsize=64)
def _filter(length: int, scale: int) -> Tensor:
    """Return the filter of one pass as a matrix: (length * scale, length)."""
    centres = (torch.arange(length * scale, dtype=torch.float64)[:, None] + 0.5) / scale - 0.5
    distance = (torch.arange(length) - centres).abs()
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    taps = torch.where(distance < 1, near, torch.where(distance < 2, far, 0))
    return taps / taps.sum(dim=1, keepdim=True)  # pixels beyond the image do not count
