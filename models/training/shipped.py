"""Start from a network that ships: convert its integers to weights of a float network."""

from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from slimgate.models.formats import qdq
from slimgate.models.formats.integer import Inexact, Layer
from slimgate.models.training.errors import Unusable

SUFFIX: Final = ".onnx"


def weights(path: Path) -> dict[str, Tensor]:
    """Return an integer network as the weights of a :class:`PlainStack`.

    The float network computes the same except for the rounding of activations.

    Args:
        path: file of an integer network.

    Returns:
        Kernels and biases under the names of a plain stack; its other branches are 0.

    Raises:
        Unusable: not a file of an integer network.
    """
    try:
        network = qdq.read(path.read_bytes())
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from error
    except (Inexact, ValueError) as error:
        raise Unusable(f"{path} is not an integer network: {error}") from error
    found: dict[str, Tensor] = {}
    names = _names(len(network.layers))
    for name, unit, layer in zip(names, network.input_exponents, network.layers, strict=True):
        kernel, bias = _floats(layer, unit)
        found[f"{name}.kernel"], found[f"{name}.bias"] = kernel, bias
        found[f"{name}.points"] = torch.zeros(4, *kernel.shape[:2])
    return found


def _names(layers: int) -> list[str]:
    return ["first", *(f"inner.{index}" for index in range(layers - 2)), "last"]


def _floats(layer: Layer, unit: int) -> tuple[Tensor, Tensor]:
    """Return kernel and bias of a layer whose input is in units of ``2**-unit``."""
    exponents = layer.weight_exponents.astype(np.float64)
    kernel = layer.weight * np.exp2(-exponents)[:, None, None, None]
    bias = layer.bias * np.exp2(-(unit + exponents))
    return torch.from_numpy(kernel.astype(np.float32)), torch.from_numpy(bias.astype(np.float32))
