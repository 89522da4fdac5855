"""Loss function and validation measure."""

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from slimgate.models.training import perceptual
from slimgate.models.training.network import Stack, interpolate, restore
from slimgate.models.training.pairs import Source
from slimgate.models.training.patches import as_tensors

_MARGIN: Final = 4  # small pixels at the edge of a patch that zero padding visibly affects
_EPSILON: Final = (1 / 256) ** 2
_ROUNDING: Final = 1 / 12 / 256**2  # squared error of rounding to pixel values: the lower bound
_DECIBEL_WEIGHT: Final = 0.02  # matches the gradient of Charbonnier's loss near convergence


def fidelity_loss(
    residual: Tensor, small: Tensor, full: Tensor, *, decibels: bool, seen: float = 0.0
) -> Tensor:
    """Return the loss between restored and original patches, excluding their edges.

    Args:
        residual: output of the network, (n, 3, p * scale, p * scale).
        small: input of the network, (n, 4, p, p).
        full: original, (n, 3, p * scale, p * scale); everything in 1/256.
        decibels: logarithm of each patch's mean squared error, as in PSNR, instead of
            Charbonnier's loss: easy patches count as much as hard ones.
        seen: weight of SSIMULACRA2's error, beside the others.
    """
    scale = full.shape[-1] // small.shape[-1]
    restored = without_edges(residual + interpolate(small[:, :3], scale), scale)
    full = without_edges(full, scale)
    if decibels:
        loss = log_error(restored, full).mean() * _DECIBEL_WEIGHT
    else:
        left = restored - full
        loss = torch.sqrt(left * left + _EPSILON).mean()
    return loss + seen * perceptual.error(restored, full).mean() if seen else loss


def without_edges(patches: Tensor, scale: int) -> Tensor:
    """Return restored patches without the edges that zero padding affects."""
    edge = _MARGIN * scale
    return patches[..., edge:-edge, edge:-edge]


def log_error(restored: Tensor, full: Tensor) -> Tensor:
    """Return the logarithm of the mean squared error of each image, as in PSNR: (n,)."""
    left = restored - full
    return torch.log((left * left).mean(dim=(1, 2, 3)) + _ROUNDING)


def gain_by_label(
    network: Stack, validating: Sequence[Source], device: torch.device
) -> dict[str, list[float]]:
    """Return PSNR gains over bicubic on whole images, in dB, by codec and quality."""
    gains: dict[str, list[float]] = {}
    with torch.no_grad():
        for source in validating:
            for coded in source.smalls:
                small, full = (each.to(device) for each in as_tensors(coded, source.original))
                plain = interpolate(small[:, :3], network.scale)
                gain = psnr(restore(network, small), full) - psnr(plain, full)
                gains.setdefault(coded.label, []).append(gain)
    return gains


def psnr(restored: Tensor, full: Tensor) -> float:
    """Return the PSNR of restored pixels, rounded as they are served, in dB.

    Args:
        restored: float, (n, 3, h, w), in 1/256 of a pixel value.
        full: the originals, likewise.
    """
    error = (restored.mul(256).round().clamp(0, 255) - full.mul(256)).square().mean()
    return 10 * math.log10(255**2 / max(float(error), 1e-9))
