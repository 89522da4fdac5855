"""Run checkpoints with torch, on CPUs and GPUs."""

import copy
import threading
from collections.abc import Callable
from typing import Final, Literal

import numpy as np
import structlog
import torch
from torch import Tensor, nn

from slimgate.models.engine.network import CHANNELS, BadResult, Pixels
from slimgate.models.engines.torch_device import DeviceName, choose, translated
from slimgate.models.engines.torch_graph import CudaGraph
from slimgate.models.formats.checkpoints import Checkpoint

Precision = Literal["auto", "float32", "float16", "bfloat16"]

_TILE: Final = 192  # a multiple of 64, the largest divisor that known networks need
_LEAST_HALO: Final = 16
_LARGEST_HALO: Final = 48
"""Networks with a larger receptive field get a halo of 32: distant pixels hardly matter."""
_USUAL_HALO: Final = 32
_GPU_BATCH: Final = 4

Compute = Callable[[Tensor], Tensor]

_log = structlog.get_logger(__name__)


class TorchNetwork:
    """A checkpoint, ready to run.

    Every call computes the same number of tiles, padded with zeros: libraries choose kernels by
    shape, and a result must not depend on the other tiles of its batch.

    Args:
        checkpoint: checkpoint to run.
        device: device; ``auto``: a GPU if present.
        precision: precision of weights and features; ``auto``: float16 on a GPU if the network
            supports it, else float32. Unsupported precisions become float32.
        tile: side of its tiles, halo included, in pixels; rounded up to the network's divisor.
        threads: maximum CPU threads of the whole process; 0: unchanged.

    Raises:
        CannotRun: the device is missing.
        EngineError: the network does not fit onto the device.
    """

    gives: Literal["pixels"] = "pixels"

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        device: DeviceName = "auto",
        precision: Precision = "auto",
        tile: int = _TILE,
        threads: int = 0,
    ) -> None:
        self._device = choose(device, threads=threads)
        self._checkpoint = checkpoint
        self._type = _type(precision, checkpoint, self._device)
        self.scale, self.channels = checkpoint.scale, CHANNELS
        self.halo = halo_of(checkpoint)
        self.tile = tile_of(checkpoint, tile)
        self.max_batch = _GPU_BATCH if self._device.type == "cuda" else 1
        self._lock = threading.Lock()
        with translated(), torch.inference_mode():
            self._compute = self._prepared()

    def run(self, tiles: Pixels) -> Pixels:
        """Compute a batch; see :meth:`slimgate.models.engine.network.Network.run`."""
        with self._lock, translated(), torch.inference_mode():
            taken = self._taken(tiles)
            result = self._compute(taken.to(self._type).div_(255))
            if self._type != torch.float32 and not _is_finite(result):
                self._widen()
                result = self._compute(taken.float().div_(255))
            return self._given(result, len(tiles))

    def _prepared(self) -> Compute:
        """Return a copy of the network on its device, in the best form for it."""
        module: nn.Module = copy.deepcopy(self._checkpoint.module)
        module.to(self._device, self._type, memory_format=torch.channels_last)
        compute: Compute = module
        if self._device.type != "cuda":
            return compute
        shape = (self.max_batch, 3, self.tile, self.tile)
        sample = torch.zeros(shape, dtype=self._type, device=self._device)
        try:
            return CudaGraph(module, sample.to(memory_format=torch.channels_last))
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            _log.warning("network_not_recorded", network=self._checkpoint.name, reason=str(error))
            return compute

    def _widen(self) -> None:
        """Switch to float32, after an overflow."""
        _log.warning("network_overflows", network=self._checkpoint.name, precision=str(self._type))
        self._type = torch.float32
        self._compute = self._prepared()

    def _taken(self, tiles: Pixels) -> Tensor:
        """Copy tiles to the device: uint8, (max_batch, 3, tile, tile), channels last."""
        batch = np.zeros((self.max_batch, self.tile, self.tile, 3), np.uint8)
        batch[: len(tiles)] = tiles[..., :3]
        return torch.from_numpy(batch).to(self._device).permute(0, 3, 1, 2)

    def _given(self, result: Tensor, count: int) -> Pixels:
        """Convert values from 0 to 1 to pixels."""
        side = self.tile * self.scale
        if tuple(result.shape) != (self.max_batch, 3, side, side) or not _is_finite(result):
            raise BadResult(f"{self._checkpoint.name} did not return an image")
        levels = result[:count].float().clamp(0, 1).mul_(255).round_().to(torch.uint8)
        pixels: Pixels = levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return pixels


def _type(precision: Precision, checkpoint: Checkpoint, device: torch.device) -> torch.dtype:
    if precision == "auto":
        return torch.float16 if device.type == "cuda" and checkpoint.half else torch.float32
    if precision == "float16" and checkpoint.half:
        return torch.float16
    if precision == "bfloat16" and checkpoint.bfloat16:
        return torch.bfloat16
    return torch.float32


def halo_of(checkpoint: Checkpoint) -> int:
    """Return the halo that avoids seams, in pixels."""
    return _rounded(_halo(checkpoint.reach), checkpoint.multiple_of)


def tile_of(checkpoint: Checkpoint, least: int) -> int:
    """Return the smallest tile side that the network accepts, halo included, in pixels."""
    wanted = max(least, checkpoint.minimum, 2 * halo_of(checkpoint) + 1)
    return _rounded(wanted, checkpoint.multiple_of)


def _halo(reach: int | None) -> int:
    if reach is None or reach > _LARGEST_HALO:
        return _USUAL_HALO
    return max(_LEAST_HALO, reach)


def _rounded(length: int, multiple_of: int) -> int:
    return -(-length // multiple_of) * multiple_of


def _is_finite(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all())
