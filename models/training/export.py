"""Make the file that ships of an integer run, after every engine has given the same bits."""

import hashlib
import importlib
import importlib.util
import json
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from models.engine import selfcheck
from models.engine.network import Pixels, Tiles
from models.engines import openvino_engine
from models.formats import qdq
from models.formats.integer import IntegerNetwork
from models.training import saving, trying
from models.training.errors import EnginesDiffer, Unusable
from models.training.quantized import QuantizedStack
from models.training.saving import Checkpoint

_SIDE: Final = 40  # of the tiles that engines are compared on; beyond the reach of any network here
_RANDOM_TILES: Final = 4


def export(checkpoint: Path, out: Path) -> dict[str, str]:
    """Write the network of a checkpoint as ONNX.

    Args:
        checkpoint: Of an integer run.
        out: The file; left as it is when anything goes wrong.

    Returns:
        The notes that were put into the file, which engines were compared, and what the card of the
        network has to say.

    Raises:
        Unusable: It is no checkpoint of an integer run.
        Inexact: A sum could become too large.
        EnginesDiffer: Engines give different bits.
    """
    read = saving.read(checkpoint)
    network = integer_network(read)
    notes = {**_notes(read), "largest_sum": str(network.prove())}
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        unproved = Path(folder) / "network.onnx"
        qdq.write(network, unproved, notes=notes)
        data = unproved.read_bytes()
        engines = compare(network, data)
        unproved.replace(out)
    return {**notes, "engines": ", ".join(engines), **card(data)}


def card(data: bytes) -> dict[str, str]:
    """Give what the catalog has to know of a network: digests and receptive field.

    Args:
        data: The ONNX file.
    """
    loaded = trying.ready(data)
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "check": selfcheck.digest(loaded),
        "receptive_field": str(loaded.halo),
    }


def integer_network(checkpoint: Checkpoint) -> IntegerNetwork:
    """Give the integers of a checkpoint.

    Raises:
        Unusable: It is no checkpoint of an integer run.
        Inexact: A sum could become too large.
    """
    run = checkpoint.run
    if not run.integer:
        raise Unusable(
            f"{run.name}, step {checkpoint.step}, is a float network: "
            "fine-tune it with an integer run first"
        )
    stack = QuantizedStack(run.scale, width=run.network.width, depth=run.network.depth)
    try:
        stack.load_state_dict(checkpoint.network)
    except RuntimeError as error:
        raise Unusable(f"the weights do not fit the run {run.name}: {error}") from error
    return stack.export()


def compare(network: IntegerNetwork, data: bytes) -> list[str]:
    """Make sure that engines compute a file as it is defined.

    Args:
        network: The definition.
        data: The ONNX file.

    Returns:
        Names of the engines that were compared with the definition.

    Raises:
        EnginesDiffer: One gives other bits.
    """
    tiles = _tiles()
    expected = network.residual(tiles)
    results = {"OpenVINO": _openvino(network, data, tiles)}
    if importlib.util.find_spec("onnxruntime") is not None:
        results["ONNX Runtime"] = _onnxruntime(data, tiles)
    for name, result in results.items():
        if result.dtype != np.int8 or not np.array_equal(expected, result):
            raise EnginesDiffer(f"{name} computes another image than the definition")
    return list(results)


def _notes(checkpoint: Checkpoint) -> dict[str, str]:
    """Tell how it was trained; folders of the machine it was trained on are nobody's business."""
    run = checkpoint.run.model_dump(mode="json", exclude={"start": True, "data": {"folder"}})
    return {
        "run": json.dumps(run, sort_keys=True),
        "step": str(checkpoint.step),
        "gain_db": f"{checkpoint.gain_db:.3f}",
        "data_sha256": checkpoint.data or "unknown",
    }


def _tiles() -> Pixels:
    """Make tiles that drive sums to where engines could differ: noise, and nothing but extremes."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (_RANDOM_TILES, _SIDE, _SIDE, 4), np.uint8)
    extremes = np.where(noise < 128, 0, 255).astype(np.uint8)
    flat = np.broadcast_to(np.array([0, 255], np.uint8)[:, None, None, None], (2, *noise.shape[1:]))
    return np.concatenate([noise, extremes, flat])


def _openvino(network: IntegerNetwork, data: bytes, tiles: Pixels) -> Tiles:
    shape = openvino_engine.Shape(network.scale, _SIDE, 0, len(tiles), "residual")
    return openvino_engine.OpenVinoNetwork(openvino_engine.read(data), shape, threads=1).run(tiles)


def _onnxruntime(data: bytes, tiles: Pixels) -> Tiles:
    onnxruntime = importlib.import_module("onnxruntime")
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"tiles": np.ascontiguousarray(tiles.transpose(0, 3, 1, 2))})
    residual: Tiles = result.transpose(0, 2, 3, 1)
    return residual
