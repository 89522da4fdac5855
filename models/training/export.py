"""Export an integer run as the file that ships, after checking that all engines agree."""

import hashlib
import importlib
import importlib.util
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from slimgate.models.engine import selfcheck
from slimgate.models.engine.network import Pixels, Tiles
from slimgate.models.engines import openvino_engine
from slimgate.models.formats import qdq
from slimgate.models.formats.integer import IntegerNetwork
from slimgate.models.training import downscaling, run_files, unpublished
from slimgate.models.training.errors import EnginesDiffer, Unusable
from slimgate.models.training.quantized import QuantizedStack
from slimgate.models.training.run_files import Checkpoint, StateDict
from slimgate.models.training.settings import Run

_SIDE: Final = 40  # of the tiles for comparing engines; beyond the receptive field of any network
_RANDOM_TILES: Final = 4


def export(checkpoint: Path, out: Path) -> dict[str, str]:
    """Write the network of a checkpoint as ONNX, and its downscaler beside it if there is one.

    Args:
        checkpoint: checkpoint of an integer run.
        out: destination, ``NAME.onnx``; that of the downscaler is ``NAME-downscaler.onnx``. Both
            are unchanged on failure.

    Returns:
        The notes in the file, the engines compared, and the fields of the network's card; those of
        the downscaler begin with ``downscaler_``.

    Raises:
        Unusable: not a checkpoint of an integer run.
        Inexact: a sum could overflow.
        EnginesDiffer: engines disagree.
    """
    read = run_files.read(checkpoint)
    downscaler = integer_downscaler(read)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        proved = Path(folder) / "network.onnx"
        found = _write(integer_network(read), proved, _notes(read))
        if downscaler is not None:
            beside = Path(folder) / "downscaler.onnx"
            more = _write(downscaler, beside, _notes(read))
            changed = {name: value for name, value in more.items() if value != found.get(name)}
            found |= {f"downscaler_{name}": value for name, value in changed.items()}
            beside.replace(unpublished.downscaler_beside(out))
        proved.replace(out)
    return found


def _write(network: IntegerNetwork, path: Path, notes: Mapping[str, str]) -> dict[str, str]:
    """Write a network and compare engines; return its notes, engines and card."""
    noted = {**notes, "largest_sum": str(network.prove())}
    qdq.write(network, path, notes=noted)
    data = path.read_bytes()
    engines = compare(network, data)
    return {**noted, "engines": ", ".join(engines), **card(data)}


def card(data: bytes) -> dict[str, str]:
    """Return fields of a network's card: digests and receptive field.

    Args:
        data: ONNX file.
    """
    loaded = unpublished.ready(data)
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "check": selfcheck.digest(loaded),
        "receptive_field": str(loaded.halo),
    }


def integer_network(checkpoint: Checkpoint) -> IntegerNetwork:
    """Return the integer network of a checkpoint that restores.

    Raises:
        Unusable: not a checkpoint of an integer run.
        Inexact: a sum could overflow.
    """
    run = checkpoint.run
    if not run.integer:
        raise Unusable(
            f"{run.name}, step {checkpoint.step}, is a float network: "
            "fine-tune it with an integer run first"
        )
    stack = QuantizedStack(run.scale, width=run.network.width, depth=run.network.depth)
    return _loaded(stack, checkpoint.network, run)


def integer_downscaler(checkpoint: Checkpoint) -> IntegerNetwork | None:
    """Return the integer network of a checkpoint that shrinks, if its run trains one.

    Raises:
        Unusable: its weights do not fit.
        Inexact: a sum could overflow.
    """
    run = checkpoint.run
    shape = run.downscaler
    if shape is None or not run.integer:
        return None
    inputs = downscaling.inputs(run.scale)
    stack = QuantizedStack(1, width=shape.width, depth=shape.depth, inputs=inputs)
    return _loaded(stack, checkpoint.downscaler or {}, run)


def _loaded(stack: QuantizedStack, weights: StateDict, run: Run) -> IntegerNetwork:
    try:
        stack.load_state_dict(weights)
    except RuntimeError as error:
        raise Unusable(f"the weights do not fit the run {run.name}: {error}") from error
    return stack.export()


def compare(network: IntegerNetwork, data: bytes) -> list[str]:
    """Check that engines match the definition.

    Args:
        network: definition.
        data: ONNX file.

    Returns:
        Names of the engines compared with the definition.

    Raises:
        EnginesDiffer: an engine differs.
    """
    tiles = _tiles(network.channels)
    expected = network.residual(tiles)
    results = {"OpenVINO": _openvino(network, data, tiles)}
    if importlib.util.find_spec("onnxruntime") is not None:
        results["ONNX Runtime"] = _onnxruntime(data, tiles)
    for name, result in results.items():
        if result.dtype != np.int8 or not np.array_equal(expected, result):
            raise EnginesDiffer(f"{name} differs from the definition: do not ship this network")
    return list(results)


def _notes(checkpoint: Checkpoint) -> dict[str, str]:
    """Return notes on the training; local paths are private."""
    run = checkpoint.run.model_dump(mode="json", exclude={"start": True, "data": {"folder"}})
    return {
        "run": json.dumps(run, sort_keys=True),
        "step": str(checkpoint.step),
        "gain_db": f"{checkpoint.gain_db:.3f}",
        "data_sha256": checkpoint.data or "unknown",
    }


def _tiles(channels: int) -> Pixels:
    """Return tiles that maximize sums, where engines could differ: noise and extremes."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (_RANDOM_TILES, _SIDE, _SIDE, channels), np.uint8)
    extremes = np.where(noise < 128, 0, 255).astype(np.uint8)
    flat = np.broadcast_to(np.array([0, 255], np.uint8)[:, None, None, None], (2, *noise.shape[1:]))
    return np.concatenate([noise, extremes, flat])


def _openvino(network: IntegerNetwork, data: bytes, tiles: Pixels) -> Tiles:
    shape = openvino_engine.Shape(network.scale, _SIDE, 0, len(tiles), "residual", network.channels)
    return openvino_engine.OpenVinoNetwork(openvino_engine.read(data), shape, threads=1).run(tiles)


def _onnxruntime(data: bytes, tiles: Pixels) -> Tiles:
    onnxruntime = importlib.import_module("onnxruntime")
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"tiles": np.ascontiguousarray(tiles.transpose(0, 3, 1, 2))})
    residual: Tiles = result.transpose(0, 2, 3, 1)
    return residual
