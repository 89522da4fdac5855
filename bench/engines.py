"""All engines of integer networks in the base package, behind one interface."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import onnxruntime

from slimgate.models.engine.network import Network, Pixels, Tiles
from slimgate.models.engines.openvino_engine import OpenVinoNetwork, Shape, read
from slimgate.models.formats.integer import IntegerNetwork

LARGEST_BATCH: Final = 8
_THREADS: Final = (1, 2)


@dataclass(frozen=True, slots=True)
class Variant:
    """How to run a network.

    Attributes:
        engine: package.
        threads: maximum threads per batch.
    """

    engine: Literal["OpenVINO", "ONNX Runtime"]
    threads: int


def variants() -> Iterator[Variant]:
    """Yield every variant that must agree."""
    for threads in _THREADS:
        yield Variant("OpenVINO", threads)
        yield Variant("ONNX Runtime", threads)


def load(variant: Variant, network: IntegerNetwork, data: bytes, *, core: int) -> Network:
    """Load a network.

    Args:
        variant: how to run it.
        network: content of the file.
        data: ONNX file.
        core: side of a tile without halo, in small pixels.
    """
    halo = network.reach
    tile = core + 2 * halo
    shape = Shape(network.scale, tile, halo, LARGEST_BATCH, "residual", network.channels)
    if variant.engine == "ONNX Runtime":
        return OnnxRuntimeNetwork(data, shape, threads=variant.threads)
    return OpenVinoNetwork(read(data), shape, threads=variant.threads)


class OnnxRuntimeNetwork:
    """An integer network on ONNX Runtime.

    Args:
        data: ONNX file.
        shape: input and output.
        threads: maximum threads per batch.
    """

    gives: Literal["residual"] = "residual"

    def __init__(self, data: bytes, shape: Shape, *, threads: int) -> None:
        self.scale, self.channels = shape.scale, shape.channels
        self.tile = shape.tile
        self.halo = shape.halo
        self.max_batch = shape.max_batch
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            data, options, providers=["CPUExecutionProvider"]
        )

    def run(self, tiles: Pixels) -> Tiles:
        """Compute a batch; see :meth:`slimgate.models.engine.network.Network.run`."""
        (planes,) = self._session.run(None, {"tiles": tiles.transpose(0, 3, 1, 2)})
        result: Tiles = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
        return result
