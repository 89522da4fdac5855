"""Recognize the architecture of weights by names and shapes, with spandrel.

The Real-ESRGAN authors' package does not work with current torchvision: its dependency basicsr
imports ``torchvision.transforms.functional_tensor``, removed in 0.17.
"""

import re
from types import ModuleType
from typing import TYPE_CHECKING, Final, TypeGuard

import torch
from torch import Tensor, nn

from slimgate.models.formats.weights import MAX_BYTES, Unusable

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor

_MAX_TENSORS: Final = 20_000
_MAX_INDEX: Final = 4096  # spandrel builds as many blocks as the highest index in a name
_PURPOSES: Final = {"SR", "Restoration"}
_SCALES: Final = range(1, 5)
_OPERATORS: Final = ("nms", "qnms")


def recognize(held: object) -> "ImageModelDescriptor[nn.Module]":
    """Return the network of some weights.

    Args:
        held: weights by name, bare or wrapped as training programs do.

    Returns:
        spandrel's descriptor; its ``model`` has the weights in float32.

    Raises:
        Unusable: not a network from RGB to RGB that enlarges 1 to 4 times.
    """
    spandrel = _spandrel()
    state = _named_weights(spandrel.canonicalize_state_dict(held) if _is_named(held) else None)
    _bounded(state)
    try:
        found = spandrel.MAIN_REGISTRY.load(state)
    except spandrel.UnsupportedModelError as error:
        raise Unusable("spandrel knows no architecture with such weights") from error
    except Exception as error:  # spandrel guesses sizes from shapes, and may raise anything
        raise Unusable("its weights are inconsistent; it may be damaged") from error
    _fits(found, spandrel)
    found.model.float().eval().requires_grad_(requires_grad=False)
    return found


def _named_weights(held: object) -> dict[str, Tensor]:
    if not _is_named(held) or not all(isinstance(each, Tensor) for each in held.values()):
        raise Unusable("it does not consist of named weights alone")
    return held


def _is_named(held: object) -> TypeGuard[dict[str, object]]:
    return isinstance(held, dict) and bool(held) and all(isinstance(key, str) for key in held)


def _bounded(state: dict[str, Tensor]) -> None:
    """Refuse weights that would make spandrel build a huge network."""
    indices = (int(digits[:9]) for name in state for digits in re.findall("[0-9]+", name))
    if len(state) > _MAX_TENSORS or max(indices, default=0) > _MAX_INDEX:
        raise Unusable("it declares more layers than any known network")
    if sum(weights.numel() * weights.element_size() for weights in state.values()) > MAX_BYTES:
        raise Unusable(f"its weights have more than {MAX_BYTES} bytes")


def _fits(found: "ImageModelDescriptor[nn.Module]", spandrel: ModuleType) -> None:
    name = found.architecture.name
    if found.purpose not in _PURPOSES:
        raise Unusable(f"{name} is not for super-resolution but for {found.purpose}")
    if (found.input_channels, found.output_channels) != (3, 3):
        raise Unusable(
            f"{name} maps {found.input_channels} channels to {found.output_channels}; "
            "only networks from RGB to RGB are supported"
        )
    if found.scale not in _SCALES:
        raise Unusable(f"{name} enlarges {found.scale} times; 1 to 4 is supported")
    if found.tiling is spandrel.ModelTiling.INTERNAL:
        raise Unusable(f"{name} needs whole images; only networks that accept tiles are supported")


def _spandrel() -> ModuleType:
    """Import spandrel, even if torchvision was built for another torch.

    spandrel needs torchvision for two unrelated networks. A torchvision built for GPUs cannot load
    its operators with a torch that was not, and fails when describing two of them. Nothing calls
    these operators here, so defining their names is enough.
    """
    try:
        import spandrel  # noqa: PLC0415  # may fail; handled here
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        for name in _OPERATORS:
            torch.library.define(f"torchvision::{name}", "() -> ()")
        import spandrel  # noqa: PLC0415  # as above
    module: ModuleType = spandrel
    return module
