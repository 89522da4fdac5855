"""Tests of networks on OpenVINO, and that all engines agree on integer ones."""

from pathlib import Path

import numpy as np
import onnxruntime
import openvino
import pytest

from slimgate.models.engine.network import CannotRun
from slimgate.models.engines.openvino_engine import OpenVinoNetwork, Shape, read
from slimgate.models.formats import qdq
from slimgate.models.formats.integer import Inexact
from tests.models.networks import integer_network, random_tiles

_SIDE = 20
_HALO = 4


def _network(path: Path, scale: int, *, threads: int = 1) -> OpenVinoNetwork:
    shape = Shape(scale=scale, tile=_SIDE, halo=_HALO, max_batch=8, gives="residual")
    return OpenVinoNetwork(read(path.read_bytes()), shape, threads=threads)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("threads", [1, 2])
def test_integer_networks_are_exact(tmp_path: Path, scale: int, threads: int) -> None:
    """Every batch size is bit-identical to the definition."""
    network = integer_network(scale, seed=scale, width=32)
    path = tmp_path / "network.onnx"
    qdq.write(network, path)
    compiled = _network(path, scale, threads=threads)
    for count in range(1, 9):
        tiles = random_tiles(count, _SIDE, seed=count)
        np.testing.assert_array_equal(network.residual(tiles), compiled.run(tiles))


def test_float32_is_pinned(tmp_path: Path) -> None:
    """On processors with bfloat16, too, no layer of a network is computed in it."""
    path = tmp_path / "network.onnx"
    qdq.write(integer_network(2, seed=1, width=32), path)
    compiled = _network(path, 2)._request.get_compiled_model()
    assert compiled.get_property("INFERENCE_PRECISION_HINT") == openvino.Type.f32
    layers = compiled.get_runtime_model().get_ops()
    precisions = {layer.get_rt_info()["runtimePrecision"].astype(str) for layer in layers}
    assert "i8" in precisions
    assert not precisions & {"bf16", "f16"}


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("optimized", [True, False])
def test_onnx_runtime_agrees(tmp_path: Path, scale: int, optimized: bool) -> None:
    """Another engine reads the same file and computes the same bits."""
    network = integer_network(scale, seed=scale + 10, width=32)
    path = tmp_path / "network.onnx"
    qdq.write(network, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    tiles = random_tiles(2, _SIDE, seed=scale)
    (planes,) = session.run(None, {"tiles": tiles.transpose(0, 3, 1, 2)})
    np.testing.assert_array_equal(network.residual(tiles), planes.transpose(0, 2, 3, 1))


def test_files_read_back_as_they_were(tmp_path: Path) -> None:
    """Writing and reading loses nothing."""
    network = integer_network(3, seed=5)
    path = tmp_path / "network.onnx"
    qdq.write(network, path, notes={"run": "test"})
    again = qdq.read(path.read_bytes())
    assert network.scale == again.scale
    for before, after in zip(network.layers, again.layers, strict=True):
        np.testing.assert_array_equal(before.weight, after.weight)
        np.testing.assert_array_equal(before.bias, after.bias)
        np.testing.assert_array_equal(before.weight_exponents, after.weight_exponents)
        assert (before.exponent, before.skip) == (after.exponent, after.skip)


def test_files_are_the_same_for_the_same_network(tmp_path: Path) -> None:
    """A card names a network by the hash of its file."""
    network = integer_network(2, seed=6)
    for name in ("a", "b"):
        qdq.write(network, tmp_path / name, notes={"b": "2", "a": "1"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_inexact_networks_are_not_written(tmp_path: Path) -> None:
    """Networks on which engines could differ are never written."""
    with pytest.raises(Inexact):
        qdq.write(integer_network(2, seed=7, max_weight=127), tmp_path / "network.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"not a network", bytes(64)])
def test_what_is_no_network_is_refused(data: bytes) -> None:
    """Both readers say that a file cannot be used."""
    with pytest.raises(CannotRun, match="OpenVINO cannot read"):
        read(data)
    with pytest.raises(ValueError, match="not a file of an integer network"):
        qdq.read(data)
