"""Tiny random checkpoints, named and shaped as the published ones are."""

import itertools
from pathlib import Path

import torch
from torch import Tensor

State = dict[str, Tensor]

GROWTH = 32
"""Channels that each convolution of a dense block adds: the same in all of Real-ESRGAN."""


def compact(
    scale: int = 4,
    *,
    convolutions: int = 2,
    features: int = 8,
    channels: int = 3,
    gain: float = 1.0,
) -> State:
    """Make the weights of an SRVGGNetCompact: realesr-general-x4v3 has 32, animevideov3 16."""
    make = torch.Generator().manual_seed(scale)
    widths = [channels] + [features] * (convolutions + 1) + [channels * scale**2]
    state: State = {}
    for index, (before, after) in enumerate(itertools.pairwise(widths)):
        state |= _convolution(f"body.{2 * index}", before, after, make, gain)
        if index <= convolutions:
            state[f"body.{2 * index + 1}.weight"] = torch.full((after,), 0.25)
    return state


def rrdb(scale: int = 4, *, features: int = 8, blocks: int = 2) -> State:
    """Make the weights of an RRDBNet: RealESRGAN_x4plus has 64 features and 23 blocks."""
    make = torch.Generator().manual_seed(scale)
    shuffled = 3 * (4 // scale) ** 2
    state = _convolution("conv_first", shuffled, features, make)
    for block in range(blocks):
        for dense in (1, 2, 3):
            for number in (1, 2, 3, 4, 5):
                name = f"body.{block}.rdb{dense}.conv{number}"
                after = GROWTH if number < 5 else features
                state |= _convolution(name, features + GROWTH * (number - 1), after, make)
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        state |= _convolution(name, features, features, make)
    return state | _convolution("conv_last", features, 3, make)


def saved(held: object, path: Path) -> Path:
    """Write a ``.pth`` file."""
    torch.save(held, path)
    return path


def _convolution(
    name: str, before: int, after: int, make: torch.Generator, gain: float = 1.0
) -> State:
    weight = torch.randn((after, before, 3, 3), generator=make) * (gain / (3 * before**0.5))
    return {f"{name}.weight": weight, f"{name}.bias": torch.randn(after, generator=make) * 0.05}
