"""Where a run is computed, and in which precision."""

from contextlib import AbstractContextManager
from typing import Literal

import torch

from models.training.errors import NoDevice

DeviceName = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16"]


def choose(name: DeviceName) -> torch.device:
    """Choose a device; ``auto``: a GPU where there is one.

    Raises:
        NoDevice: A GPU is asked for, and there is none.
    """
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise NoDevice("torch finds no GPU; use --device auto")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def exact() -> None:
    """Let a GPU multiply in float32 and not in TensorFloat-32, as rounded numbers need it."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def mixed(
    device: torch.device, precision: Precision, *, integer: bool
) -> AbstractContextManager[None]:
    """Give the context that forward passes are computed in.

    Args:
        device: Where they are computed.
        precision: ``auto``: bfloat16 on a GPU, else float32.
        integer: Whether it is an integer network, whose rounding needs all bits of float32.
    """
    low = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    # Without the cache: the averaged weights change between two steps.
    context: AbstractContextManager[None] = torch.autocast(
        device.type, torch.bfloat16, enabled=low and not integer, cache_enabled=False
    )
    return context
