"""Run networks on CPUs with OpenVINO."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import openvino
from openvino import Layout, Type
from openvino.preprocess import PrePostProcessor

from slimgate.models.engine.network import (
    CHANNELS,
    COLOURS,
    BadResult,
    CannotRun,
    EngineError,
    OutOfMemory,
    Pixels,
    Tiles,
)

_SETTINGS: Final = {
    # OpenVINO computes in bfloat16 by default where the CPU supports it, but sums of integer
    # networks are exact only in float32.
    "INFERENCE_PRECISION_HINT": "f32",
    "PERFORMANCE_HINT": "LATENCY",
    "NUM_STREAMS": "1",
    "ENABLE_CPU_PINNING": "NO",  # the cores are shared with codec workers
}


@dataclass(frozen=True, slots=True)
class Shape:
    """Input and output of a network; see :class:`slimgate.models.engine.network.Network`."""

    scale: int
    tile: int
    halo: int
    max_batch: int
    gives: Literal["residual", "pixels"]
    channels: int = CHANNELS


class OpenVinoNetwork:
    """A network compiled for this CPU.

    Args:
        model: has one output (n, 3, H, W) and one input: uint8 (n, channels, h, w) if it returns
            residuals, else float (n, 3, h, w) from 0 to 1.
        shape: input and output.
        threads: maximum threads per batch; 0: one per core.
        settings: further device properties, for tests.
    """

    def __init__(
        self,
        model: openvino.Model,
        shape: Shape,
        *,
        threads: int = 0,
        settings: dict[str, str] | None = None,
    ) -> None:
        self._shape = shape
        self._taken = shape.channels if shape.gives == "residual" else COLOURS
        properties: dict[str, object] = {**_SETTINGS, **(settings or {})}
        if threads:
            properties["INFERENCE_NUM_THREADS"] = threads
        prepared = _prepared(model, shape, self._taken)
        compiled = openvino.Core().compile_model(prepared, "CPU", properties)
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()

    @property
    def scale(self) -> int:
        """Return the scale factor."""
        return self._shape.scale

    @property
    def tile(self) -> int:
        """Return the side of its tiles, halo included, in small pixels."""
        return self._shape.tile

    @property
    def halo(self) -> int:
        """Return the halo, in small pixels."""
        return self._shape.halo

    @property
    def max_batch(self) -> int:
        """Return the maximum number of tiles per batch."""
        return self._shape.max_batch

    @property
    def channels(self) -> int:
        """Return the channels of a tile."""
        return self._shape.channels

    @property
    def gives(self) -> Literal["residual", "pixels"]:
        """Return whether results are pixels, or residuals to add to the bicubic enlargement."""
        return self._shape.gives

    def run(self, tiles: Pixels) -> Tiles:
        """Compute a batch; see :meth:`slimgate.models.engine.network.Network.run`."""
        taken = np.ascontiguousarray(tiles[..., : self._taken])
        with self._lock:
            result = _translated(lambda: self._request.infer([taken])[0])
            if result.dtype == np.int8:
                return np.array(result)  # a copy: the request reuses its memory
            return _as_pixels(result)


def read(source: bytes) -> openvino.Model:
    """Parse an ONNX file.

    Raises:
        CannotRun: OpenVINO does not support it.
    """
    try:
        return openvino.Core().read_model(source, b"")
    except RuntimeError as error:
        raise CannotRun(f"OpenVINO cannot read the network: {error}") from error


def _prepared(model: openvino.Model, shape: Shape, channels: int) -> openvino.Model:
    """Fix the shape of tiles, and convert between pixels and tensors inside the model."""
    model.reshape({0: [-1, channels, shape.tile, shape.tile]})
    takes_pixels = model.input().element_type == Type.u8
    steps = PrePostProcessor(model)
    steps.input().tensor().set_layout(Layout("NHWC")).set_element_type(Type.u8)
    steps.input().model().set_layout(Layout("NCHW"))
    if not takes_pixels:
        steps.input().preprocess().convert_element_type(Type.f32).scale(255.0)
    steps.output().tensor().set_layout(Layout("NHWC"))
    steps.output().model().set_layout(Layout("NCHW"))
    return steps.build()


def _translated(infer: Callable[[], np.ndarray]) -> np.ndarray:
    try:
        return infer()
    except MemoryError as error:
        raise OutOfMemory("the batch did not fit into memory") from error
    except RuntimeError as error:
        if "memory" in str(error).lower() or "bad_alloc" in str(error):
            raise OutOfMemory("the batch did not fit into memory") from error
        raise EngineError(f"OpenVINO failed: {error}") from error


def _as_pixels(result: np.ndarray) -> Pixels:
    """Convert values from 0 to 1 to pixels."""
    if not math.isfinite(float(result.sum(dtype=np.float64))):
        raise BadResult("the network returned values that are not finite")
    return np.asarray(np.clip(np.rint(result * 255), 0, 255), np.uint8)
