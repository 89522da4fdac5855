"""Validate a downscaler and a restorer on whole images, at the bytes of the start.

A downscaler changes both bytes and measures, so measures are compared where bytes are equal: they
are interpolated over the logarithm of bytes between files of several qualities.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from slimgate.models.training import renditions, validation
from slimgate.models.training.batch_coding import code
from slimgate.models.training.downscaling import channels, pixel_values
from slimgate.models.training.network import Stack, interpolate, restore
from slimgate.models.training.pairs import Choice, Source
from slimgate.models.training.patches import as_tensors
from slimgate.models.training.validation import SCORE, Fidelity, Row

QUALITIES: Final = (30, 42, 54, 66, 78, 88, 95)
"""Measures are compared at the bytes that all but the first and last take at the start."""


@dataclass(frozen=True, slots=True)
class Curve:
    """An image at all qualities.

    Attributes:
        sizes: logarithms of bytes.
        rows: measures, in the order of :class:`slimgate.models.training.validation.Fidelity`.
    """

    sizes: tuple[float, ...]
    rows: tuple[Row, ...]

    def at(self, sizes: Sequence[float]) -> list[Row]:
        """Return measures at other sizes; beyond the outermost, theirs."""
        columns = [np.interp(sizes, self.sizes, column) for column in np.transpose(self.rows)]
        return [tuple(map(float, row)) for row in np.transpose(columns)]

    def size_at(self, scores: Sequence[float]) -> list[float]:
        """Return logarithms of bytes at scores; beyond the outermost, theirs."""
        rising = np.maximum.accumulate([row[SCORE] for row in self.rows])
        return [float(size) for size in np.interp(scores, rising, self.sizes)]


def curves(
    downscaler: Stack, restorer: Stack, validating: Sequence[Source], device: torch.device
) -> list[Curve]:
    """Shrink, code and restore whole images, as PUT and GET would.

    Args:
        downscaler: returns residuals of Lanczos' filter.
        restorer: returns residuals of interpolation.
        validating: images, shrunk by Lanczos' filter and not coded.
        device: device of the networks.
    """
    return [_curve(downscaler, restorer, source, device) for source in validating]


def fidelity(now: Sequence[Curve], start: Sequence[Curve]) -> Fidelity:
    """Return measures at the bytes of the start."""
    pairs = zip(now, start, strict=True)
    return validation.summary([curve.at(before.sizes[1:-1]) for curve, before in pairs])


def bytes_change(now: Sequence[Curve], start: Sequence[Curve]) -> float:
    """Return the mean change of bytes at the scores of the start, as a share."""
    changes = []
    for curve, before in zip(now, start, strict=True):
        scores = [row[SCORE] for row in before.rows[1:-1]]
        changes.append(np.subtract(curve.size_at(scores), before.sizes[1:-1]).mean())
    return float(np.expm1(np.mean(changes)))


def parsed(kept: Sequence[tuple[Sequence[float], Sequence[Sequence[float]]]]) -> list[Curve]:
    """Return curves that were stored as lists."""
    return [Curve(tuple(sizes), tuple(map(tuple, rows))) for sizes, rows in kept]


def _curve(downscaler: Stack, restorer: Stack, source: Source, device: torch.device) -> Curve:
    judge = renditions.Judge(source.original)
    small, full = (each.to(device) for each in as_tensors(source.smalls[0], source.original))
    lanczos = small[:, :3]
    with torch.no_grad():
        shrunk = pixel_values(restore(downscaler, channels(full, lanczos)))
        plain = interpolate(lanczos, restorer.scale)
    sizes, rows = [], []
    for quality in QUALITIES:
        coded = code(shrunk, "avif", Choice(quality, "4:4:4", "ssimulacra2"))
        with torch.no_grad():
            restored = restore(restorer, coded.small)
        sizes.append(float(np.log(coded.size)))
        rows.append(validation.row(restored, full, plain, judge))
    return Curve(tuple(sizes), tuple(rows))
