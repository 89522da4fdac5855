"""Run integer networks with torch, to the bit as they are defined."""

import threading
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.engine.network import CannotRun, Tiles
from models.engines.torch_device import DeviceName, choose, translated
from models.formats.integer import MAX_ACTIVATION, IntegerNetwork, Layer

_TILE: Final = 128
_BATCH: Final = 8


class TorchIntegerNetwork:
    """An integer network in float32.

    Convolutions are products of matrices, not calls of a library of convolutions, which may choose
    Winograd's algorithm, whose intermediate values are not integers. The sums are below 2**24, so
    that any order gives the same; weights and activations have 8 bits or less, which TensorFloat-32
    keeps, too. What a device really does is compared with the definition before it is used.

    Args:
        network: What to run.
        device: Where; ``auto``: on a GPU where there is one.
        tile: Side of its tiles, halo included, in pixels.
        max_batch: Most tiles in one call.
        threads: Most threads of the processor, for the whole process; 0: as it is.

    Raises:
        CannotRun: There is no such device, or it does not compute what is defined.
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
        self.scale = network.scale
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
        """Compute one batch; see :meth:`models.engine.network.Network.run`."""
        with self._lock, translated(), torch.inference_mode():
            features = torch.from_numpy(np.ascontiguousarray(tiles)).to(self._device).float()
            first = features
            for index, layer in enumerate(self._layers[:-1]):
                features = layer.rounded(features, first).clamp_(0, MAX_ACTIVATION)
                first = features if index == 0 else first
            return _residual(self._layers[-1].rounded(features, first), self.scale)

    def _compare(self, network: IntegerNetwork) -> None:
        """Make sure that this device computes what is defined."""
        side = network.reach + 3
        tiles = np.random.default_rng(0).integers(0, 256, (2, side, side, 4), np.uint8)
        tiles[1] = np.where(tiles[1] < 128, 0, 255)  # as large as sums become
        if not np.array_equal(network.residual(tiles), self.run(tiles)):
            raise CannotRun(f"{self._device} does not compute integers exactly; use another engine")


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
        """Give the sums in the unit of the results, rounded half to even."""
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
    """Spread channels (colour, row, column) over blocks of pixels."""
    count, height, width, _ = values.shape
    blocks = values.clamp_(-128, 127).to(torch.int8).reshape(count, height, width, 3, scale, scale)
    spread = blocks.permute(0, 1, 4, 2, 5, 3)
    residual: Tiles = spread.reshape(count, height * scale, width * scale, 3).cpu().numpy()
    return residual
