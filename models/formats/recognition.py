"""Find out which network weights belong to, by their names and shapes: spandrel does.

The package of the authors of Real-ESRGAN cannot be imported with any current torchvision: basicsr,
which it needs, imports ``torchvision.transforms.functional_tensor``, which is gone since 0.17.
"""

import re
from types import ModuleType
from typing import TYPE_CHECKING, Final, TypeGuard

import torch
from torch import Tensor, nn

from models.formats.weights import MAX_BYTES, Unusable

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor

_MAX_TENSORS: Final = 20_000
_MAX_INDEX: Final = 4096  # spandrel builds as many blocks as the highest number in a name says
_PURPOSES: Final = {"SR", "Restoration"}
_SCALES: Final = range(1, 5)
_OPERATORS: Final = ("nms", "qnms")


def recognize(held: object) -> "ImageModelDescriptor[nn.Module]":
    """Build the network that weights belong to.

    Args:
        held: The weights by name, bare or wrapped as training programs do.

    Returns:
        spandrel's description; its ``model`` has the weights, float32.

    Raises:
        Unusable: It is no network from RGB to RGB that enlarges 1 to 4 times.
    """
    spandrel = _spandrel()
    state = _named_weights(spandrel.canonicalize_state_dict(held) if _is_named(held) else None)
    _bounded(state)
    try:
        found = spandrel.MAIN_REGISTRY.load(state)
    except spandrel.UnsupportedModelError as error:
        raise Unusable("no architecture that spandrel knows has such weights") from error
    except Exception as error:  # spandrel guesses sizes from shapes, and anything may come of it
        raise Unusable("its weights do not fit together; it may be damaged") from error
    _fits(found, spandrel)
    found.model.float().eval().requires_grad_(requires_grad=False)
    return found


def _named_weights(held: object) -> dict[str, Tensor]:
    if not _is_named(held) or not all(isinstance(each, Tensor) for each in held.values()):
        raise Unusable("it holds no weights with names, or other things beside them")
    return held


def _is_named(held: object) -> TypeGuard[dict[str, object]]:
    return isinstance(held, dict) and bool(held) and all(isinstance(key, str) for key in held)


def _bounded(state: dict[str, Tensor]) -> None:
    """Refuse what would make spandrel build something huge."""
    indices = (int(digits[:9]) for name in state for digits in re.findall("[0-9]+", name))
    if len(state) > _MAX_TENSORS or max(indices, default=0) > _MAX_INDEX:
        raise Unusable("it claims to have more layers than any known network")
    if sum(weights.numel() * weights.element_size() for weights in state.values()) > MAX_BYTES:
        raise Unusable(f"its weights have more than {MAX_BYTES} bytes")


def _fits(found: "ImageModelDescriptor[nn.Module]", spandrel: ModuleType) -> None:
    name = found.architecture.name
    if found.purpose not in _PURPOSES:
        raise Unusable(f"{name} is no super-resolution: its purpose is {found.purpose}")
    if (found.input_channels, found.output_channels) != (3, 3):
        raise Unusable(
            f"{name} makes {found.output_channels} channels of {found.input_channels}; "
            "only networks from RGB to RGB can be used"
        )
    if found.scale not in _SCALES:
        raise Unusable(f"{name} enlarges {found.scale} times; 1 to 4 can be used")
    if found.tiling is spandrel.ModelTiling.INTERNAL:
        raise Unusable(f"{name} needs whole images, which cannot be bounded; it has to take tiles")


def _spandrel() -> ModuleType:
    """Import spandrel, also where torchvision was built for another torch.

    spandrel needs torchvision for two networks that are no super-resolution. One that was built for
    GPUs cannot load its operators beside a torch that was not, and then stumbles over two that it
    describes all the same. Nothing calls them here, so that their names suffice.
    """
    try:
        import spandrel  # noqa: PLC0415  # this may fail, and what to do then stands here
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        for name in _OPERATORS:
            torch.library.define(f"torchvision::{name}", "() -> ()")
        import spandrel  # noqa: PLC0415  # as above
    module: ModuleType = spandrel
    return module
