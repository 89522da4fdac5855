"""Run the file of an integer network that is not in the catalog, as it would run if it were."""

from typing import Final

from models.engine import selfcheck
from models.engines import openvino_engine
from models.engines.openvino_engine import OpenVinoNetwork
from models.formats import qdq

MAX_BYTES: Final = 64 << 20
"""Most bytes of a file; the largest network here has a few hundred thousand."""

_TILE: Final = 128  # kept pixels on a side of a tile
_BATCH: Final = 2


def ready(data: bytes, *, threads: int = 1) -> OpenVinoNetwork:
    """Compile a network for this processor.

    Args:
        data: The ONNX file.
        threads: Most threads that a batch uses.

    Raises:
        ValueError: It is no integer network.
        CannotRun: OpenVINO does not understand it, or does not compute it as it is defined.
    """
    network = qdq.read(data)
    shape = openvino_engine.Shape(
        scale=network.scale,
        tile=_TILE + 2 * network.reach,
        halo=network.reach,
        max_batch=_BATCH,
        gives="residual",
    )
    loaded = OpenVinoNetwork(openvino_engine.read(data), shape, threads=threads)
    selfcheck.check_against(loaded, network)
    return loaded
