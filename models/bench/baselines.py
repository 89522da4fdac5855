"""Baselines: the same networks in float32 torch, as people run them without slimgate.

Either on the whole image, or tile by tile, one per call, like ``RealESRGANer`` of the package
``realesrgan`` with ``tile=256, tile_pad=10``.
"""

from collections.abc import Callable
from importlib import resources
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from slimgate.config import Engine
from slimgate.models.engine.loading import checkpoint_of
from slimgate.models.engine.network import CannotRun, Pixels
from slimgate.models.engines.interpolation import Interpolation
from slimgate.models.engines.torch_device import choose, translated
from slimgate.models.formats.integer import RESIDUAL_EXPONENT, IntegerNetwork, Layer
from slimgate.models.registry.cards import Card

_TILE: Final = 256
_PAD: Final = 10

Compute = Callable[[Tensor], Tensor]


class Baseline:
    """Enlarges with a network in float32, one image at a time.

    Args:
        compute: maps float32 (1, 4, h, w), red, green, blue and level, each 0 to 255, to
            (1, 3, H, W) in steps of a pixel value.
        scale: scale factor.
        device: device to compute on.
        residual: add the result to the bicubic enlargement.
        tiled: tile by tile instead of the whole image.
    """

    def __init__(
        self, compute: Compute, scale: int, device: torch.device, *, residual: bool, tiled: bool
    ) -> None:
        self._compute = compute
        self._scale = scale
        self._device = device
        self._bicubic = Interpolation("bicubic") if residual else None
        self._run = self._tile_by_tile if tiled else compute

    def upscale(self, pixels: Pixels, scale: int, *, level: int) -> Pixels:
        """Enlarge an image.

        Args:
            pixels: uint8, (height, width, 3).
            scale: scale factor of the network.
            level: coding level, 0 to 255.

        Returns:
            uint8, (height * scale, width * scale, 3).

        Raises:
            CannotRun: the network does not support the scale.
            OutOfMemory: the image is too large.
        """
        if scale != self._scale:
            raise CannotRun(f"this network enlarges by {self._scale}, not by {scale}")
        with translated(), torch.inference_mode():
            colours = torch.tensor(pixels, device=self._device).permute(2, 0, 1).float()
            values = functional.pad(colours[None], (0, 0, 0, 0, 0, 1), value=level)
            result = self._run(values)[0].round_().clamp_(-255, 255).to(torch.int16)
            steps = result.permute(1, 2, 0).cpu().numpy()
        if self._bicubic is not None:
            steps = steps + self._bicubic.upscale(pixels, scale)
        return np.asarray(np.clip(steps, 0, 255), np.uint8)

    def _tile_by_tile(self, values: Tensor) -> Tensor:
        height, width = values.shape[2:]
        scale = self._scale
        full = values.new_zeros((1, 3, height * scale, width * scale))
        for row in range(0, height, _TILE):
            for column in range(0, width, _TILE):
                top, left = max(0, row - _PAD), max(0, column - _PAD)
                tile = values[:, :, top : row + _TILE + _PAD, left : column + _TILE + _PAD]
                place = full[
                    :,
                    :,
                    row * scale : (row + _TILE) * scale,
                    column * scale : (column + _TILE) * scale,
                ]
                first, begin = (row - top) * scale, (column - left) * scale
                result = self._compute(tile)[:, :, first:, begin:]
                place.copy_(result[:, :, : place.shape[2], : place.shape[3]])
        return full


def load(card: Card, engine: Engine, *, tiled: bool) -> Baseline:
    """Load the network of a card in float32 torch.

    Args:
        card: an integer network, run on the numbers that its integers represent, or a checkpoint.
        engine: engine of the restorer: for torch its device is used, else the CPU.
        tiled: tile by tile instead of the whole image.

    Raises:
        CannotRun: the card is not a network, or its weights are missing.
    """
    device = choose(engine.device if engine.backend == "torch" else "cpu", threads=engine.threads)
    if card.file is not None:
        return shipped(card.file, device, tiled=tiled)
    checkpoint = checkpoint_of(card)
    module = checkpoint.module.to(device)

    def compute(values: Tensor) -> Tensor:
        result: Tensor = module(values[:, :3] / 255).clamp_(0, 1) * 255
        return result

    return Baseline(compute, checkpoint.scale, device, residual=False, tiled=tiled)


def shipped(file: str, device: torch.device, *, tiled: bool) -> Baseline:
    """Load an integer network in float32, without rounding.

    Args:
        file: name in :mod:`slimgate.models.registry.native`.
        device: device to compute on.
        tiled: tile by tile instead of the whole image.
    """
    from slimgate.models.formats import qdq  # noqa: PLC0415  # only these networks need onnx

    network = qdq.read(
        resources.files("slimgate.models.registry.native").joinpath(file).read_bytes()
    )
    return Baseline(
        _FloatNetwork(network, device), network.scale, device, residual=True, tiled=tiled
    )


class _FloatNetwork:
    """An integer network, computed on the numbers that its integers represent."""

    def __init__(self, network: IntegerNetwork, device: torch.device) -> None:
        self._scale = network.scale
        self._layers = tuple(
            _FloatLayer(layer, exponent, device)
            for layer, exponent in zip(network.layers, network.input_exponents, strict=True)
        )
        self._unit = 2.0 ** -network.input_exponents[0]

    def __call__(self, values: Tensor) -> Tensor:
        first = features = functional.relu(self._layers[0](values * self._unit))
        for layer in self._layers[1:-1]:
            sums = layer(features)
            features = functional.relu(sums + first if layer.skip else sums)
        residual = functional.pixel_shuffle(self._layers[-1](features), self._scale)
        return residual * 2.0**RESIDUAL_EXPONENT


class _FloatLayer:
    """A convolution in float32: (n, inputs, h, w) to (n, outputs, h, w)."""

    def __init__(self, layer: Layer, input_exponent: int, device: torch.device) -> None:
        units = np.exp2(-layer.weight_exponents.astype(np.float64))
        weight = layer.weight * units[:, np.newaxis, np.newaxis, np.newaxis]
        bias = layer.bias * units * 2.0**-input_exponent
        self._weight = torch.tensor(weight, dtype=torch.float32, device=device)
        self._bias = torch.tensor(bias, dtype=torch.float32, device=device)
        self.skip = layer.skip

    def __call__(self, features: Tensor) -> Tensor:
        result: Tensor = functional.conv2d(features, self._weight, self._bias, padding=1)
        return result
