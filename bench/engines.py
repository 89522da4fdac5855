"""Every engine that runs integer networks in the base package, in the form of one seam."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import onnxruntime

from models.engine.network import Network, Pixels, Tiles
from models.engines.openvino_engine import OpenVinoNetwork, Shape, read
from models.formats.integer import IntegerNetwork

LARGEST_BATCH: Final = 8
_THREADS: Final = (1, 2)


@dataclass(frozen=True, slots=True)
class Variant:
    """Say how a network is run.

    Attributes:
        engine: Of which package.
        threads: Most threads of a batch.
    """

    engine: Literal["OpenVINO", "ONNX Runtime"]
    threads: int


def variants() -> Iterator[Variant]:
    """List everything that has to agree."""
    for threads in _THREADS:
        yield Variant("OpenVINO", threads)
        yield Variant("ONNX Runtime", threads)


def load(variant: Variant, network: IntegerNetwork, data: bytes, *, core: int) -> Network:
    """Make a network ready to run.

    Args:
        variant: How.
        network: What the file holds.
        data: The file.
        core: Side of what is kept of a tile, in small pixels.
    """
    halo = network.reach
    shape = Shape(network.scale, core + 2 * halo, halo, LARGEST_BATCH, "residual")
    if variant.engine == "ONNX Runtime":
        return OnnxRuntimeNetwork(data, shape, threads=variant.threads)
    return OpenVinoNetwork(read(data), shape, threads=variant.threads)


class OnnxRuntimeNetwork:
    """An integer network on ONNX Runtime.

    Args:
        data: The file.
        shape: What it takes and gives.
        threads: Most threads of a batch.
    """

    gives: Literal["residual"] = "residual"

    def __init__(self, data: bytes, shape: Shape, *, threads: int) -> None:
        self.scale = shape.scale
        self.tile = shape.tile
        self.halo = shape.halo
        self.max_batch = shape.max_batch
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            data, options, providers=["CPUExecutionProvider"]
        )

    def run(self, tiles: Pixels) -> Tiles:
        """Compute one batch; see :meth:`models.engine.network.Network.run`."""
        (planes,) = self._session.run(None, {"tiles": tiles.transpose(0, 3, 1, 2)})
        result: Tiles = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
        return result
