"""What a score costs: how much error one e-fold of bytes buys, by quality.

With it, a loss weighs error against bytes as the encoder does when its quality changes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

QUALITIES: Final = (35, 45, 60, 75, 88)
_APART: Final = 5  # to both sides of each
_BATCHES: Final = 16
_LEAST: Final = 0.05  # in few small patches, chance may exceed it

Trial = Callable[[tuple[int, int]], tuple[tuple[int, float], tuple[int, float]]]
"""Codes the next batch at two qualities; returns bytes and error of each."""


@dataclass(frozen=True, slots=True)
class Price:
    """Error that one e-fold of bytes buys.

    Attributes:
        errors: at each of the qualities above, as :func:`slimgate.models.training.perceptual.error`
            has it.
    """

    errors: tuple[float, ...]

    def at(self, quality: int) -> float:
        """Return the error at a quality, interpolated between logarithms."""
        return math.exp(float(np.interp(quality, QUALITIES, np.log(self.errors))))


def measured(trial: Trial) -> Price:
    """Measure prices with files."""
    return Price(tuple(_measured(trial, quality) for quality in QUALITIES))


def _measured(trial: Trial, quality: int) -> float:
    folds, errors = 0.0, 0.0
    for _ in range(_BATCHES):
        low, high = trial((quality - _APART, quality + _APART))
        folds += math.log(high[0] / low[0])
        errors += low[1] - high[1]
    return max(errors / folds, _LEAST) if folds > 0 else _LEAST
