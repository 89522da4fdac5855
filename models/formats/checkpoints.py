"""Checkpoints: networks that others have trained and published, ready to be run by an engine."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from models.formats import weights
from models.formats.recognition import recognize
from models.formats.weights import Unusable

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor

__all__ = ["Checkpoint", "Unusable", "load"]

_TRIAL_SIDE: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A network as it was read from a file.

    Attributes:
        name: Of the file.
        sha256: Of the file, 64 hex digits.
        architecture: What spandrel calls it.
        scale: By how much it enlarges, 1 to 4.
        parameters: How many numbers it has learned.
        multiple_of: What the sides of its input have to be multiples of, pixels.
        minimum: Smallest side of its input, pixels.
        reach: Small pixels on each side that one result depends on; None: not known.
        half: Whether it may be computed in float16.
        bfloat16: Whether it may be computed in bfloat16.
        module: Takes and gives float32, (n, 3, h, w), 0 to 1; on the processor.
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
    """Read a checkpoint; nothing in it is run but the network that it is recognized as.

    Args:
        path: A ``.pth`` file of PyTorch or a ``.safetensors`` file.
        sha256: 64 hex digits that the file has to have; None: any.

    Raises:
        Unusable: It cannot be read, is another file, or is no network from RGB to RGB that
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
    """Run the network once: it has to make an image, called as any other module is."""
    name = found.architecture.name
    missing, _ = found.size_requirements.get_padding(_TRIAL_SIDE, _TRIAL_SIDE)
    side = _TRIAL_SIDE + missing
    image = torch.linspace(0, 1, 3 * side * side).reshape(1, 3, side, side)
    try:
        with torch.inference_mode():
            result, described = found.model(image), found(image)
    except Exception as error:  # whatever comes of weights that do not belong together
        raise Unusable(f"{name} fails on a small image: {error}") from error
    if not isinstance(result, Tensor) or not torch.equal(result.clamp(0, 1), described):
        raise Unusable(f"{name} gives something else than an image, or nothing finite")
    wanted = (1, 3, side * found.scale, side * found.scale)
    if tuple(result.shape) != wanted:
        raise Unusable(f"{name} gives {tuple(result.shape)} where {wanted} is expected")


def _reach(found: "ImageModelDescriptor[nn.Module]") -> int | None:
    """Find how far the network looks, where this is known and little enough to be of use."""
    if found.architecture.id != "Compact":
        return None
    # Nothing but its convolutions, all of them 3 x 3 and at the small size, looks at neighbours.
    return sum(isinstance(layer, nn.Conv2d) for layer in found.model.modules())
