"""Integer networks: the engine-independent definition of native restorers.

Weights are 7-bit integers with a sign, activations unsigned 8-bit integers, all scales powers of
two, and rounding is half to even. All sums stay below 2**24, so engines that accumulate in float32
are exact too, in any order. Engines that round sums to bfloat16 or float16 are not, so every engine
is compared with a recorded result before use (:mod:`slimgate.models.engine.selfcheck`).

Weights stay within ±64, not ±127, because of CPUs with AVX2 or AVX-512 but without VNNI:
``vpmaddubsw`` adds two products of an unsigned and a signed byte in 16 bits and saturates (Intel
SDM, PMADDUBSW). With 255 · (64 + 64) = 32,640 it never does; with larger weights the results of
OpenVINO and ONNX Runtime would depend on the CPU.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MAX_WEIGHT: Final = 64
MAX_ACTIVATION: Final = 255
INPUT_EXPONENT: Final = 8
"""Pixels and level are multiples of 2**-8."""
RESIDUAL_EXPONENT: Final = 8
"""Results have the same unit: one step of a pixel value."""
_EXACT: Final = 1 << 24
"""Integers up to this are exact in float32, with its 24-bit significand."""


class Inexact(ValueError):
    """An engine that accumulates in integers or float32 could compute this network inexactly."""


@dataclass(frozen=True)
class Layer:
    """A 3x3 convolution with its ReLU, and the scale of its rounded result.

    Attributes:
        weight: int8, (outputs, inputs, 3, 3).
        bias: int32, (outputs,), in units of the sums.
        weight_exponents: int, (outputs,); a weight means ``weight * 2**-exponent``.
        exponent: a result means ``result * 2**-exponent``.
        skip: add the result of the first layer before the ReLU.
    """

    weight: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    weight_exponents: npt.NDArray[np.int64]
    exponent: int
    skip: bool = False


@dataclass(frozen=True)
class IntegerNetwork:
    """A stack of layers, followed by depth to space.

    Attributes:
        scale: scale factor.
        layers: layers in order; the last has no ReLU and returns the residual.
    """

    scale: int
    layers: tuple[Layer, ...]

    @property
    def channels(self) -> int:
        """Return the channels of its input: those of an image, and the coding level."""
        return int(self.layers[0].weight.shape[1])

    @property
    def reach(self) -> int:
        """Return the radius of the receptive field in the small image, pixels."""
        return len(self.layers)

    @cached_property
    def input_exponents(self) -> tuple[int, ...]:
        """Return the input exponent of each layer."""
        return (INPUT_EXPONENT, *(layer.exponent for layer in self.layers[:-1]))

    def prove(self) -> int:
        """Prove that every engine that accumulates in integers or float32 computes the same result.

        Returns:
            The largest possible sum, in its own unit: below 2**24.

        Raises:
            Inexact: a weight or sum may be too large; the message names the layer.
        """
        largest = 0
        for index, layer in enumerate(self.layers):
            if int(np.abs(layer.weight.astype(np.int64)).max()) > MAX_WEIGHT:
                raise Inexact(f"layer {index}: a weight is beyond ±{MAX_WEIGHT}")
            bound = _largest_sum(layer)
            if layer.skip:
                bound = self._with_skip(index, bound)
            if int(bound.max()) >= _EXACT:
                raise Inexact(f"layer {index}: a sum may reach {int(bound.max())}, 2**24 or more")
            largest = max(largest, int(bound.max()))
        if self.layers[-1].exponent != RESIDUAL_EXPONENT:
            raise Inexact("the last layer must return whole pixel steps")
        return largest

    def _with_skip(self, index: int, bound: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Bound a sum with the skip connection, in the finer of both units."""
        sums = self.input_exponents[index] + self.layers[index].weight_exponents
        skipped = self.layers[0].exponent
        finer = np.maximum(sums, skipped)
        total: npt.NDArray[np.int64] = (bound << (finer - sums)) + (
            MAX_ACTIVATION << (finer - skipped)
        )
        return total

    def residual(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
        """Compute the network in float64; slow.

        Args:
            tiles: uint8, (n, h, w, channels).

        Returns:
            int8, (n, h * scale, w * scale, 3); pixels beyond the edges of a tile are zero.
        """
        features = tiles.astype(np.float64)
        first = features
        for index, layer in enumerate(self.layers):
            features = self._apply(index, layer, features, first)
            first = features if index == 0 else first
        return _depth_to_space(features, self.scale).astype(np.int8)

    def _apply(self, index: int, layer: Layer, features: Array, first: Array) -> Array:
        rounded = np.rint(self._sums(index, layer, features, first) * 2.0**layer.exponent)
        if index == len(self.layers) - 1:
            return np.clip(rounded, -128, 127)
        return np.clip(rounded, 0, MAX_ACTIVATION)

    def _sums(self, index: int, layer: Layer, features: Array, first: Array) -> Array:
        units = np.exp2(-(self.input_exponents[index] + layer.weight_exponents).astype(np.float64))
        values = (_convolve(features, layer.weight) + layer.bias) * units
        if layer.skip:
            values += first * 2.0 ** -self.layers[0].exponent
        return values


def _largest_sum(layer: Layer) -> npt.NDArray[np.int64]:
    """Return a bound of every partial sum, in any order: (outputs,)."""
    weight = layer.weight.astype(np.int64).reshape(len(layer.weight), -1)
    positive = np.where(weight > 0, weight, 0).sum(axis=1)
    negative = np.where(weight < 0, -weight, 0).sum(axis=1)
    bound: npt.NDArray[np.int64] = MAX_ACTIVATION * np.maximum(positive, negative)
    return bound + np.abs(layer.bias.astype(np.int64))


def _convolve(features: Array, weight: npt.NDArray[np.int8]) -> Array:
    """Convolve zero-padded (n, h, w, inputs) with (outputs, inputs, 3, 3)."""
    height, width = features.shape[1:3]
    padded = np.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0)))
    total = np.zeros((*features.shape[:3], len(weight)))
    for row in range(3):
        for column in range(3):
            window = padded[:, row : row + height, column : column + width]
            total += window @ weight[:, :, row, column].T.astype(np.float64)
    return total


def _depth_to_space(features: Array, scale: int) -> Array:
    """Rearrange channels (colour, row, column) into blocks: ONNX DepthToSpace, mode CRD."""
    count, height, width, _ = features.shape
    blocks = features.reshape(count, height, width, 3, scale, scale)
    spread = blocks.transpose(0, 1, 4, 2, 5, 3)
    return spread.reshape(count, height * scale, width * scale, 3)
