"""Code batches with the real encoders, all patches side by side in one image."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from slimgate.models.training import renditions
from slimgate.models.training.network import LEVELS
from slimgate.models.training.pairs import Choice


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A batch after encoding and decoding, without gradients.

    Attributes:
        images: float, (n, 3, h, w), in 1/256.
        level: coding level, 0 to 255.
        size: bytes of all images together; 0 without coding.
    """

    images: Tensor
    level: int
    size: int

    @property
    def small(self) -> Tensor:
        """Return the input of a network that restores: (n, 4, h, w)."""
        return with_level(self.images, self.level)


def with_level(images: Tensor, level: int) -> Tensor:
    """Return the input of a network that restores: (n, 4, h, w)."""
    return torch.cat([images, torch.full_like(images[:, :1], level / LEVELS)], dim=1)


def code(images: Tensor, codec: str, choice: Choice) -> Coded:
    """Encode and decode a batch as the gateway does its renditions.

    Args:
        images: float, (n, 3, h, w), pixel values in 1/256.
        codec: codec of renditions, or ``lossless``.
        choice: quality, chroma format and tuning.
    """
    if codec == "lossless":
        return Coded(images.detach(), 0, 0)
    count, _, height, width = images.shape
    row = (images.detach() * LEVELS).round().clamp(0, LEVELS - 1).to(torch.uint8).cpu()
    pixels = row.permute(2, 0, 3, 1).reshape(height, count * width, 3).numpy()
    data = renditions.encode(
        np.ascontiguousarray(pixels), codec, choice.quality, choice.subsampling, tune=choice.tune
    )
    decoded = renditions.decode(data, codec, width=count * width, height=height)
    apart = torch.from_numpy(decoded.copy()).reshape(height, count, width, 3)
    images = apart.permute(1, 3, 0, 2).to(images) / LEVELS
    return Coded(images, renditions.level(codec, choice.quality), len(data))
