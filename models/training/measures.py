"""Loss function and validation measure."""

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from slimgate.models.training.network import interpolate
from slimgate.models.training.pairs import Source
from slimgate.models.training.patches import as_tensors

_MARGIN: Final = 4  # small pixels at the edge of a patch that zero padding visibly affects
_EPSILON: Final = (1 / 256) ** 2
_ROUNDING: Final = 1 / 12 / 256**2  # squared error of rounding to pixel values: the lower bound
_DECIBEL_WEIGHT: Final = 0.02  # matches the gradient of Charbonnier's loss near convergence


def fidelity_loss(residual: Tensor, small: Tensor, full: Tensor, *, decibels: bool) -> Tensor:
    """Return the loss between restored and original patches, excluding their edges.

    Args:
        residual: output of the network, (n, 3, p * scale, p * scale).
        small: input of the network, (n, 4, p, p).
        full: original, (n, 3, p * scale, p * scale); everything in 1/256.
        decibels: logarithm of each patch's mean squared error, as in PSNR, instead of
            Charbonnier's loss: easy patches count as much as hard ones.
    """
    scale = full.shape[-1] // small.shape[-1]
    edge = _MARGIN * scale
    left = residual + interpolate(small[:, :3], scale) - full
    left = left[..., edge:-edge, edge:-edge]
    if decibels:
        squared = (left * left).mean(dim=(1, 2, 3))
        return torch.log(squared + _ROUNDING).mean() * _DECIBEL_WEIGHT
    return torch.sqrt(left * left + _EPSILON).mean()


def gain_by_label(
    network: nn.Module, validating: Sequence[Source], scale: int, device: torch.device
) -> dict[str, list[float]]:
    """Return PSNR gains over bicubic on whole images, in dB, by codec and quality."""
    gains: dict[str, list[float]] = {}
    with torch.no_grad():
        for source in validating:
            for coded in source.smalls:
                small, full = (each.to(device) for each in as_tensors(coded, source.original))
                plain = interpolate(small[:, :3], scale)
                gain = _psnr(plain + network(small), full) - _psnr(plain, full)
                gains.setdefault(coded.label, []).append(gain)
    return gains


def _psnr(restored: Tensor, full: Tensor) -> float:
    error = (restored.mul(256).round().clamp(0, 255) - full.mul(256)).square().mean()
    return 10 * math.log10(255**2 / max(float(error), 1e-9))
