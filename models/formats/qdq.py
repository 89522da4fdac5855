"""Integer networks as ONNX files with quantize/dequantize pairs, the format that ships.

Every engine reads such files; OpenVINO and ONNX Runtime run them in integer arithmetic. Writing and
parsing need the package ``onnx``; running with OpenVINO does not.
"""

from pathlib import Path
from typing import Final

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from slimgate.models.formats.integer import INPUT_EXPONENT, IntegerNetwork, Layer

_OPSET: Final = 13  # the first with per-channel scales in DequantizeLinear
_IR_VERSION: Final = 8
_MAX_BYTES: Final = 64 << 20


def write(network: IntegerNetwork, path: Path, *, notes: dict[str, str] | None = None) -> None:
    """Write a network, after proving that it is exact.

    Args:
        network: network to write.
        path: destination, replaced atomically.
        notes: metadata, for example of training.

    Raises:
        Inexact: engines could differ.
    """
    network.prove()
    model = _model(network)
    helper.set_model_props(model, notes or {})
    onnx.checker.check_model(model, full_check=True)
    unfinished = path.with_suffix(".tmp")
    unfinished.write_bytes(model.SerializeToString(deterministic=True))
    unfinished.replace(path)


def read(data: bytes) -> IntegerNetwork:
    """Parse a network.

    Args:
        data: content of the file.

    Raises:
        Inexact: engines could differ.
        ValueError: the file is not an integer network.
    """
    if len(data) > _MAX_BYTES:
        raise ValueError(f"more than {_MAX_BYTES} bytes")
    try:
        graph = onnx.load_model_from_string(data).graph
    except DecodeError as error:
        raise ValueError("not a file of an integer network") from error
    values = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    names = {node.name for node in graph.node}
    count = sum(1 for node in graph.node if node.op_type == "Conv")
    try:
        (spread,) = (node for node in graph.node if node.op_type == "DepthToSpace")
        inputs = [INPUT_EXPONENT, *(_exponent(values[f"scale{index}"]) for index in range(count))]
        layers = tuple(
            _layer(values, index, inputs[index], skip=f"skipped{index}" in names)
            for index in range(count)
        )
        network = IntegerNetwork(helper.get_node_attr_value(spread, "blocksize"), layers)
    except (KeyError, ValueError) as error:
        raise ValueError(f"not a file of an integer network: {error}") from error
    network.prove()
    return network


class _Graph:
    """Builder of nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, operation: str, inputs: list[str], output: str, **attributes: object) -> str:
        node = helper.make_node(operation, inputs, [output], name=output)
        node.attribute.extend(
            helper.make_attribute(name, value) for name, value in sorted(attributes.items())
        )
        self.nodes.append(node)
        return output


def _model(network: IntegerNetwork) -> onnx.ModelProto:
    graph = _Graph()
    graph.constant("unsigned", np.array(0, np.uint8))
    graph.constant("signed", np.array(0, np.int8))
    graph.constant("input_scale", _power(INPUT_EXPONENT))
    current = graph.add("DequantizeLinear", ["tiles", "input_scale", "unsigned"], "input")
    first = ""
    for index, layer in enumerate(network.layers):
        sums = _add_sums(graph, index, layer, network.input_exponents[index], current)
        if layer.skip:
            sums = graph.add("Add", [sums, first], f"skipped{index}")
        graph.constant(f"scale{index}", _power(layer.exponent))
        if index == len(network.layers) - 1:
            current = _rounded(graph, index, sums, "signed")
            graph.add("DepthToSpace", [current], "residual", blocksize=network.scale, mode="CRD")
        else:
            sums = graph.add("Relu", [sums], f"positive{index}")
            current = _rounded(graph, index, sums, "unsigned")
            current = graph.add(
                "DequantizeLinear", [current, f"scale{index}", "unsigned"], f"features{index}"
            )
        first = first or current
    shape: list[str | int | None] = ["n", network.channels, "h", "w"]
    tiles = helper.make_tensor_value_info("tiles", TensorProto.UINT8, shape)
    residual = helper.make_tensor_value_info("residual", TensorProto.INT8, ["n", 3, "H", "W"])
    return helper.make_model(
        helper.make_graph(graph.nodes, "slimgate", [tiles], [residual], graph.constants),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="slimgate",
    )


def _add_sums(graph: _Graph, index: int, layer: Layer, input_exponent: int, current: str) -> str:
    scales = np.exp2(-layer.weight_exponents.astype(np.float64)).astype(np.float32)
    graph.constant(f"weight{index}", layer.weight)
    graph.constant(f"weight_scale{index}", scales)
    graph.constant(f"weight_zero{index}", np.zeros(len(scales), np.int8))
    graph.add(
        "DequantizeLinear",
        [f"weight{index}", f"weight_scale{index}", f"weight_zero{index}"],
        f"kernel{index}",
        axis=0,
    )
    unit = np.exp2(-(input_exponent + layer.weight_exponents).astype(np.float64))
    graph.constant(f"bias{index}", (layer.bias * unit).astype(np.float32))
    return graph.add(
        "Conv",
        [current, f"kernel{index}", f"bias{index}"],
        f"sums{index}",
        kernel_shape=[3, 3],
        pads=[1, 1, 1, 1],
    )


def _rounded(graph: _Graph, index: int, sums: str, zero: str) -> str:
    return graph.add("QuantizeLinear", [sums, f"scale{index}", zero], f"rounded{index}")


def _layer(values: dict[str, np.ndarray], index: int, input_exponent: int, *, skip: bool) -> Layer:
    weight_exponents = -np.log2(values[f"weight_scale{index}"]).astype(np.int64)
    bias = values[f"bias{index}"] * np.exp2((input_exponent + weight_exponents).astype(np.float64))
    return Layer(
        weight=values[f"weight{index}"],
        bias=bias.astype(np.int32),
        weight_exponents=weight_exponents,
        exponent=_exponent(values[f"scale{index}"]),
        skip=skip,
    )


def _exponent(scale: np.ndarray) -> int:
    return int(-np.log2(scale))


def _power(exponent: int) -> np.ndarray:
    return np.array(2.0**-exponent, np.float32)
