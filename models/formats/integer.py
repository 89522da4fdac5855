"""Integer networks: the definition of what a native restorer computes, whatever computes it.

Weights are integers of 7 bits and a sign, activations of 8 bits without one, every scale is a power
of two, and rounding is half to even. All sums stay below 2**24, so that engines that sum in
float32 are exact as well, in any order. Engines that round sums to bfloat16 or float16 are not: an
engine is compared with a recorded result before it is used (:mod:`models.engine.selfcheck`).

Weights stay within ±64, not ±127, because of processors with AVX2 or AVX-512 but without VNNI:
their ``vpmaddubsw`` adds two products of an unsigned and a signed byte in 16 bits and saturates
(Intel SDM, PMADDUBSW). With 255 · (64 + 64) = 32,640 it never does; with larger weights OpenVINO
and ONNX Runtime give another image there than elsewhere.
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
"""Pixels and level enter as multiples of 2**-8."""
RESIDUAL_EXPONENT: Final = 8
"""The result leaves in the same unit: one step of a pixel value."""
_EXACT: Final = 1 << 24
"""Integers up to here are exact in float32: it has 24 bits of significand."""


class Inexact(ValueError):
    """An engine that sums in integers or float32 could compute this network otherwise."""


@dataclass(frozen=True)
class Layer:
    """One 3×3 convolution, the ReLU behind it, and the scale that its result is rounded to.

    Attributes:
        weight: int8, (outputs, inputs, 3, 3).
        bias: int32, (outputs,), in the unit of the sums.
        weight_exponents: int, (outputs,); a weight stands for ``weight * 2**-exponent``.
        exponent: A result stands for ``result * 2**-exponent``.
        skip: Whether the result of the first layer is added before the ReLU.
    """

    weight: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    weight_exponents: npt.NDArray[np.int64]
    exponent: int
    skip: bool = False


@dataclass(frozen=True)
class IntegerNetwork:
    """A plain stack of layers, followed by depth to space.

    Attributes:
        scale: By how much it enlarges.
        layers: First to last; the last one has no ReLU and gives the residual.
    """

    scale: int
    layers: tuple[Layer, ...]

    @property
    def reach(self) -> int:
        """Small pixels on each side that one result depends on."""
        return len(self.layers)

    @cached_property
    def input_exponents(self) -> tuple[int, ...]:
        """Give the exponent of what each layer takes."""
        return (INPUT_EXPONENT, *(layer.exponent for layer in self.layers[:-1]))

    def prove(self) -> int:
        """Make sure that every engine that sums in integers or in float32 computes the same.

        Returns:
            The largest sum that can occur, in units of its own: below 2**24.

        Raises:
            Inexact: A weight is too large or a sum may become so; the message names the layer.
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
            raise Inexact("the last layer has to give whole pixel steps")
        return largest

    def _with_skip(self, index: int, bound: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Bound a sum with the first layer's result, in the finer unit of the two."""
        sums = self.input_exponents[index] + self.layers[index].weight_exponents
        skipped = self.layers[0].exponent
        finer = np.maximum(sums, skipped)
        total: npt.NDArray[np.int64] = (bound << (finer - sums)) + (
            MAX_ACTIVATION << (finer - skipped)
        )
        return total

    def residual(self, tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
        """Compute the definition in float64, slowly.

        Args:
            tiles: uint8, (n, h, w, 4).

        Returns:
            int8, (n, h * scale, w * scale, 3); what lies beyond the edges of a tile counts as zero.
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
    """Bound every partial sum, in whatever order it is taken: (outputs,)."""
    weight = layer.weight.astype(np.int64).reshape(len(layer.weight), -1)
    positive = np.where(weight > 0, weight, 0).sum(axis=1)
    negative = np.where(weight < 0, -weight, 0).sum(axis=1)
    bound: npt.NDArray[np.int64] = MAX_ACTIVATION * np.maximum(positive, negative)
    return bound + np.abs(layer.bias.astype(np.int64))


def _convolve(features: Array, weight: npt.NDArray[np.int8]) -> Array:
    """Convolve (n, h, w, inputs), padded by zeros, with (outputs, inputs, 3, 3)."""
    height, width = features.shape[1:3]
    padded = np.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0)))
    total = np.zeros((*features.shape[:3], len(weight)))
    for row in range(3):
        for column in range(3):
            window = padded[:, row : row + height, column : column + width]
            total += window @ weight[:, :, row, column].T.astype(np.float64)
    return total


def _depth_to_space(features: Array, scale: int) -> Array:
    """Spread channels (colour, row, column) over blocks of pixels: ONNX DepthToSpace, mode CRD."""
    count, height, width, _ = features.shape
    blocks = features.reshape(count, height, width, 3, scale, scale)
    spread = blocks.transpose(0, 1, 4, 2, 5, 3)
    return spread.reshape(count, height * scale, width * scale, 3)
