"""Checkpoints: published third-party networks, ready for an engine."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from slimgate.models.formats import weights
from slimgate.models.formats.recognition import recognize
from slimgate.models.formats.weights import Unusable

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor

__all__ = ["Checkpoint", "Unusable", "load"]

_TRIAL_SIDE: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A network, as read from a file.

    Attributes:
        name: name of the file.
        sha256: SHA-256 of the file, 64 hex digits.
        architecture: architecture, as spandrel names it.
        scale: scale factor, 1 to 4.
        parameters: number of parameters.
        multiple_of: divisor of input sides, pixels.
        minimum: smallest input side, pixels.
        reach: radius of the receptive field in the small image, pixels; None: unknown.
        half: supports float16.
        bfloat16: supports bfloat16.
        module: maps float32 (n, 3, h, w), 0 to 1, to the same; on the CPU.
    """

    name: str
    sha256: str
    architecture: str
    scale: int
    parameters: int
    multiple_of: int
    minimum: int
    reach: int | None
    half: bool
    bfloat16: bool
    module: nn.Module


def load(path: Path, *, sha256: str | None = None) -> Checkpoint:
    """Load a checkpoint, without executing code from it.

    Args:
        path: a PyTorch ``.pth`` or a ``.safetensors`` file.
        sha256: required SHA-256, 64 hex digits; None: any.

    Raises:
        Unusable: the file is unreadable, another file, or not a network from RGB to RGB that
            enlarges 1 to 4 times. The message names the file and the reason.
    """
    try:
        held, digest = weights.read(path, sha256=sha256)
        found = recognize(held)
        _try(found)
    except Unusable as error:
        raise Unusable(f"{path}: {error}") from error
    return Checkpoint(
        name=path.name,
        sha256=digest,
        architecture=found.architecture.name,
        scale=found.scale,
        parameters=sum(learned.numel() for learned in found.model.parameters()),
        multiple_of=found.size_requirements.multiple_of,
        minimum=found.size_requirements.minimum,
        reach=_reach(found),
        half=found.supports_half,
        bfloat16=found.supports_bfloat16,
        module=found.model,
    )


def _try(found: "ImageModelDescriptor[nn.Module]") -> None:
    """Run the network once, to check that it returns an image."""
    name = found.architecture.name
    missing, _ = found.size_requirements.get_padding(_TRIAL_SIDE, _TRIAL_SIDE)
    side = _TRIAL_SIDE + missing
    image = torch.linspace(0, 1, 3 * side * side).reshape(1, 3, side, side)
    try:
        with torch.inference_mode():
            result, described = found.model(image), found(image)
    except Exception as error:  # inconsistent weights raise any exception
        raise Unusable(f"{name} fails on a small image: {error}") from error
    if not isinstance(result, Tensor) or not torch.equal(result.clamp(0, 1), described):
        raise Unusable(f"{name} does not return a finite image")
    wanted = (1, 3, side * found.scale, side * found.scale)
    if tuple(result.shape) != wanted:
        raise Unusable(f"{name} returns {tuple(result.shape)} instead of {wanted}")


def _reach(found: "ImageModelDescriptor[nn.Module]") -> int | None:
    """Return the radius of the receptive field, if known and small enough to be useful."""
    if found.architecture.id != "Compact":
        return None
    # Only its convolutions, all 3 x 3 and at the small size, look at neighbours.
    return sum(isinstance(layer, nn.Conv2d) for layer in found.model.modules())
