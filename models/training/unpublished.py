"""Run the file of an integer network that is not in the catalog, as if it were."""

from pathlib import Path
from typing import Final

from slimgate.models.engine import selfcheck
from slimgate.models.engines import openvino_engine
from slimgate.models.engines.openvino_engine import OpenVinoNetwork
from slimgate.models.formats import qdq

MAX_BYTES: Final = 64 << 20
"""Maximum file size; the largest network here has a few hundred thousand bytes."""

_TILE: Final = 128  # side of a tile without halo, pixels
_BATCH: Final = 2


def downscaler_beside(path: Path) -> Path:
    """Return the file of the network that shrinks images for another one."""
    return path.with_stem(f"{path.stem}-downscaler")


def ready(data: bytes, *, threads: int = 1) -> OpenVinoNetwork:
    """Compile a network for this CPU.

    Args:
        data: ONNX file.
        threads: maximum threads per batch.

    Raises:
        ValueError: not an integer network.
        CannotRun: OpenVINO does not support it, or computes it inexactly.
    """
    network = qdq.read(data)
    shape = openvino_engine.Shape(
        scale=network.scale,
        tile=_TILE + 2 * network.reach,
        halo=network.reach,
        max_batch=_BATCH,
        gives="residual",
        channels=network.channels,
    )
    loaded = OpenVinoNetwork(openvino_engine.read(data), shape, threads=threads)
    selfcheck.check_against(loaded, network)
    return loaded
