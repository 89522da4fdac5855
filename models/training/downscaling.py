"""The trained network that shrinks: it corrects the result of Lanczos' filter.

It sees the shrunk image and the original, whose pixels behind each small one are channels, and
returns a residual like the network that restores. It does not see the coding level: one that does
is no better, and an upload would have to be shrunk anew for every quality.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from slimgate.models.engine.network import COLOURS, stacked_channels
from slimgate.models.training.network import LEVELS, PlainStack, straight_through

_UNSEEN: Final = 0  # coding level: one that does not vary


def inputs(scale: int) -> int:
    """Return the number of input channels."""
    return stacked_channels(scale) + 1


def channels(full: Tensor, shrunk: Tensor) -> Tensor:
    """Return the input of a downscaler.

    Args:
        full: originals, float (n, 3, h * scale, w * scale), in 1/256.
        shrunk: the same, shrunk by Lanczos' filter: (n, 3, h, w).

    Returns:
        float, (n, inputs, h, w), like :func:`slimgate.models.engine.downscaling.stacked` and a
        level of 0.
    """
    blocks = functional.pixel_unshuffle(full, full.shape[-1] // shrunk.shape[-1])
    level = torch.full_like(shrunk[:, :1], _UNSEEN)
    return torch.cat([shrunk, blocks, level], dim=1)


def pixel_values(values: Tensor) -> Tensor:
    """Round and clip to pixel values; gradients ignore the rounding.

    Clipping stops gradients: without it, runs diverge.
    """
    within = values.clamp(0, (LEVELS - 1) / LEVELS)
    return straight_through(within, (within * LEVELS).round() / LEVELS)


class Downscaler(nn.Module):  # type: ignore[misc, unused-ignore]  # torch may be missing
    """A plain stack that sees by how much the original differs from the shrunk image.

    Args:
        scale: factor of shrinking.
        width: channels of inner feature maps.
        depth: number of inner convolutions.
    """

    scale = 1  # of the residual to the shrunk image

    def __init__(self, scale: int, *, width: int, depth: int) -> None:
        super().__init__()
        self.stack = PlainStack(1, width=width, depth=depth, inputs=inputs(scale))
        nn.init.zeros_(self.stack.last.kernel)  # start with Lanczos' filter
        nn.init.zeros_(self.stack.first.kernel[:, -1:])  # the level, which does not vary yet

    @property
    def reach(self) -> int:
        """Return the radius of the receptive field in the small image, pixels."""
        return self.stack.reach

    def forward(self, small: Tensor) -> Tensor:
        """Return the residual to the shrunk image.

        Args:
            small: float, (n, inputs, h, w), see :func:`channels`.

        Returns:
            float, (n, 3, h, w), in 1/256 of a pixel value.
        """
        shrunk, blocks, level = small[:, :COLOURS], small[:, COLOURS:-1], small[:, -1:]
        apart = blocks - shrunk.repeat_interleave(blocks.shape[1] // COLOURS, dim=1)
        seen = torch.cat([shrunk, apart, level], dim=1)
        return self.stack(seen.contiguous(memory_format=torch.channels_last))

    def folded(self) -> PlainStack:
        """Return the same network without the subtraction, which its first kernel takes over."""
        stack = self.stack
        width, count, *_ = stack.first.kernel.shape
        plain = PlainStack(1, width=width, depth=len(stack.inner), inputs=count)
        plain.load_state_dict(stack.state_dict())
        with torch.no_grad():
            kernel = stack.first.weight()
            blocks = kernel[:, COLOURS:-1].unflatten(1, (COLOURS, -1)).sum(dim=2)
            plain.first.kernel.copy_(kernel)
            plain.first.kernel[:, :COLOURS] -= blocks
            plain.first.points.zero_()
        return plain
