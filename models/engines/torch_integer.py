"""Run integer networks with torch, bit-exactly."""

import threading
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from slimgate.models.engine.network import CannotRun, Tiles
from slimgate.models.engines.torch_device import DeviceName, choose, translated
from slimgate.models.formats.integer import MAX_ACTIVATION, IntegerNetwork, Layer

_TILE: Final = 128
_BATCH: Final = 8


class TorchIntegerNetwork:
    """An integer network in float32.

    Convolutions are matrix products: convolution libraries may choose Winograd's algorithm, whose
    intermediate values are not integers. Sums are below 2**24, so any order gives the same result;
    weights and activations have at most 8 bits, which TensorFloat-32 preserves. The device is
    compared with the definition before use.

    Args:
        network: network to run.
        device: device; ``auto``: a GPU if present.
        tile: side of its tiles, halo included, in pixels.
        max_batch: maximum tiles per batch.
        threads: maximum CPU threads of the whole process; 0: unchanged.

    Raises:
        CannotRun: the device is missing, or computes inexactly.
    """

    gives: Literal["residual"] = "residual"

    def __init__(
        self,
        network: IntegerNetwork,
        *,
        device: DeviceName = "auto",
        tile: int = _TILE,
        max_batch: int = _BATCH,
        threads: int = 0,
    ) -> None:
        network.prove()
        self._device = choose(device, threads=threads)
        self.scale, self.channels = network.scale, network.channels
        self.tile = tile
        self.halo = network.reach
        self.max_batch = max_batch
        self._lock = threading.Lock()
        with translated():
            self._layers = tuple(
                _Convolution(layer, exponent, network.layers[0].exponent, self._device)
                for layer, exponent in zip(network.layers, network.input_exponents, strict=True)
            )
        self._compare(network)

    def run(self, tiles: Tiles) -> Tiles:
        """Compute a batch; see :meth:`slimgate.models.engine.network.Network.run`."""
        with self._lock, translated(), torch.inference_mode():
            features = torch.from_numpy(np.ascontiguousarray(tiles)).to(self._device).float()
            first = features
            for index, layer in enumerate(self._layers[:-1]):
                features = layer.rounded(features, first).clamp_(0, MAX_ACTIVATION)
                first = features if index == 0 else first
            return _residual(self._layers[-1].rounded(features, first), self.scale)

    def _compare(self, network: IntegerNetwork) -> None:
        """Ensure that this device matches the definition."""
        side = network.reach + 3
        tiles = np.random.default_rng(0).integers(
            0, 256, (2, side, side, network.channels), np.uint8
        )
        tiles[1] = np.where(tiles[1] < 128, 0, 255)  # produces the largest sums
        if not np.array_equal(network.residual(tiles), self.run(tiles)):
            raise CannotRun(f"{self._device} computes integers inexactly; use another engine")


class _Convolution:
    """One layer: (n, h, w, inputs) of integers to (n, h, w, outputs) of integers."""

    def __init__(
        self, layer: Layer, input_exponent: int, skip_exponent: int, device: torch.device
    ) -> None:
        outputs = len(layer.weight)
        kernel = layer.weight.transpose(2, 3, 1, 0).reshape(-1, outputs)
        unit = np.exp2(layer.exponent - input_exponent - layer.weight_exponents.astype(np.float64))
        self._kernel = torch.from_numpy(kernel.astype(np.float32)).to(device)
        self._bias = torch.from_numpy(layer.bias.astype(np.float32)).to(device)
        self._unit = torch.from_numpy(unit.astype(np.float32)).to(device)
        self._skip = 2.0 ** (layer.exponent - skip_exponent) if layer.skip else None

    def rounded(self, features: Tensor, first: Tensor) -> Tensor:
        """Return the sums in units of the result, rounded half to even."""
        height, width = features.shape[1:3]
        padded = functional.pad(features, (0, 0, 1, 1, 1, 1))
        windows = [
            padded[:, row : row + height, column : column + width]
            for row in range(3)
            for column in range(3)
        ]
        values = (torch.cat(windows, dim=-1) @ self._kernel).add_(self._bias).mul_(self._unit)
        if self._skip is not None:
            values.add_(first, alpha=self._skip)
        return values.round_()


def _residual(values: Tensor, scale: int) -> Tiles:
    """Rearrange channels (colour, row, column) into blocks of pixels."""
    count, height, width, _ = values.shape
    blocks = values.clamp_(-128, 127).to(torch.int8).reshape(count, height, width, 3, scale, scale)
    spread = blocks.permute(0, 1, 4, 2, 5, 3)
    residual: Tiles = spread.reshape(count, height * scale, width * scale, 3).cpu().numpy()
    return residual
