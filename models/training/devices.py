"""Device and precision of a run."""

from contextlib import AbstractContextManager
from typing import Literal

import torch

from slimgate.models.training.errors import NoDevice

DeviceName = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16"]


def choose(name: DeviceName) -> torch.device:
    """Return a device; ``auto``: a GPU if present.

    Raises:
        NoDevice: a GPU is requested but missing.
    """
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise NoDevice("torch finds no GPU; use --device auto")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def exact() -> None:
    """Disable TensorFloat-32 on GPUs: rounded numbers need float32."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def mixed(
    device: torch.device, precision: Precision, *, integer: bool
) -> AbstractContextManager[None]:
    """Return the context for forward passes.

    Args:
        device: device to compute on.
        precision: ``auto``: bfloat16 on a GPU, else float32.
        integer: integer network, whose rounding needs all bits of float32.
    """
    low = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    # No cache: the averaged weights change between steps.
    context: AbstractContextManager[None] = torch.autocast(
        device.type, torch.bfloat16, enabled=low and not integer, cache_enabled=False
    )
    return context
