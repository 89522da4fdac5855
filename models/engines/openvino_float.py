"""Run third-party checkpoints on CPUs with OpenVINO."""

from typing import Final

import openvino
import torch

from slimgate.models.engine.network import CannotRun
from slimgate.models.engines.openvino_engine import OpenVinoNetwork, Shape
from slimgate.models.engines.torch_engine import halo_of, tile_of
from slimgate.models.formats.checkpoints import Checkpoint

_TILE: Final = 192


def load(checkpoint: Checkpoint, *, threads: int, tile: int = _TILE) -> OpenVinoNetwork:
    """Convert a checkpoint and compile it for this CPU.

    Args:
        checkpoint: checkpoint to run.
        threads: maximum threads; 0: one per core.
        tile: minimum side of its tiles, halo included, in pixels.

    Raises:
        CannotRun: OpenVINO cannot convert it.
    """
    shape = Shape(
        scale=checkpoint.scale,
        tile=tile_of(checkpoint, tile),
        halo=halo_of(checkpoint),
        max_batch=1,
        gives="pixels",
    )
    sample = torch.zeros(1, 3, shape.tile, shape.tile)
    try:
        model = openvino.convert_model(checkpoint.module, example_input=sample)
    except (RuntimeError, openvino.frontend.OpConversionFailure) as error:
        raise CannotRun(
            f"OpenVINO cannot convert {checkpoint.name}: set engine.backend: torch"
        ) from error
    return OpenVinoNetwork(model, shape, threads=threads)
