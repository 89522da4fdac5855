"""Validate a network on whole images, and guard what a loss does not see.

A network that is trained for a score may learn the measure instead of the picture. Other measures
of the same images must therefore not fall below those of the network that the run began with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from slimgate.models.training import renditions
from slimgate.models.training.measures import psnr
from slimgate.models.training.network import LEVELS, Stack, interpolate, restore
from slimgate.models.training.pairs import Source
from slimgate.models.training.patches import as_tensors
from slimgate.models.training.task import Validation


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Means over all validation pairs.

    Attributes:
        gain_db: PSNR over bicubic, dB.
        score: see :class:`slimgate.models.training.renditions.Measures`, as of the others.
        worst: SSIMULACRA2 of the worst region.
        ms_ssim: MS-SSIM of luma.
        orb: share of ORB key points that match.
        scores: mean score of each image.
    """

    gain_db: float
    score: float
    worst: float
    ms_ssim: float
    orb: float
    scores: tuple[float, ...] = ()

    def means(self) -> dict[str, float]:
        """Return the means by name."""
        return {name: getattr(self, name) for name in _MEANS}


Row = tuple[float, ...]
"""Measures of one restored image, in the order of :class:`Fidelity`."""

_MEANS: Final = tuple(field.name for field in fields(Fidelity) if field.name != "scores")
SCORE: Final = _MEANS.index("score")
"""Index of the score in a row."""

_BROKEN: Final = 1000.0  # points that a broken guard costs: more than scores differ by

TOLERATED: Final[Mapping[str, float]] = {
    "gain_db": 0.15,
    "worst": 0.0,
    "ms_ssim": 0.0002,
    "orb": 0.002,
}
"""How far a measure may fall: PSNR where a score needs it, the others by their noise."""


def fidelity(network: Stack, validating: Sequence[Source], device: torch.device) -> Fidelity:
    """Measure a network on whole images, as GET would serve them.

    Args:
        network: returns residuals of interpolation.
        validating: images and their pairs.
        device: device of the network.
    """
    return summary([_measured(network, source, device) for source in validating])


def summary(images: Sequence[Sequence[Row]]) -> Fidelity:
    """Return the means of all rows of all images."""
    rows = [np.array(image, np.float64) for image in images]
    means = np.concatenate(rows).mean(axis=0)
    scores = tuple(float(image[:, SCORE].mean()) for image in rows)
    return _fidelity(means.tolist(), scores)


def ranked(now: Fidelity, start: Fidelity) -> Validation:
    """Rank a network by its score, below all others if it breaks a guard."""
    failed = broken(now, start)
    measures = {**now.means(), **changes(now, start), "guards_broken": float(len(failed))}
    return Validation(now.gain_db, now.score - _BROKEN * bool(failed), measures)


def broken(now: Fidelity, start: Fidelity) -> list[str]:
    """Return the names of measures that have fallen by more than is tolerated.

    Args:
        now: measures of a network.
        start: those of the network that its run began with.
    """
    before, after = start.means(), now.means()
    return [name for name, fall in TOLERATED.items() if not after[name] >= before[name] - fall]


def changes(now: Fidelity, start: Fidelity) -> dict[str, float]:
    """Return by how much each measure differs from that at the start, named ``NAME_change``.

    ``score_change_error`` is the standard error of the score's change over images: smaller changes
    may be chance.
    """
    before = start.means()
    found = {f"{name}_change": value - before[name] for name, value in now.means().items()}
    if len(now.scores) == len(start.scores) > 1:
        each = np.subtract(now.scores, start.scores)
        found["score_change_error"] = float(each.std(ddof=1) / len(each) ** 0.5)
    return found


def parsed(kept: Mapping[str, Any]) -> Fidelity:
    """Return measures that were stored as a dictionary."""
    scores = tuple(float(score) for score in kept.get("scores", ()))
    return _fidelity([float(kept[name]) for name in _MEANS], scores)


def _fidelity(means: Sequence[float], scores: tuple[float, ...]) -> Fidelity:
    gain_db, score, worst, ms_ssim, orb = means
    return Fidelity(gain_db, score, worst, ms_ssim, orb, scores)


def row(restored: Tensor, full: Tensor, plain: Tensor, judge: renditions.Judge) -> Row:
    """Measure a restored image.

    Args:
        restored: float, (1, 3, h, w), in 1/256, not rounded.
        full: the original, likewise.
        plain: result of bicubic interpolation, likewise.
        judge: of the original.
    """
    gain = psnr(restored, full) - psnr(plain, full)
    return (gain, *astuple(judge.measures(pixels(restored))))


def _measured(network: Stack, source: Source, device: torch.device) -> list[Row]:
    """Return the measures of all pairs of an image."""
    judge = renditions.Judge(source.original)
    rows: list[Row] = []
    for coded in source.smalls:
        small, full = (each.to(device) for each in as_tensors(coded, source.original))
        with torch.no_grad():
            plain = interpolate(small[:, :3], network.scale)
            restored = restore(network, small)
        rows.append(row(restored, full, plain, judge))
    return rows


def pixels(restored: Tensor) -> renditions.Pixels:
    """Return the pixels that are served for a batch of one: uint8, (h, w, 3)."""
    values = restored[0].mul(LEVELS).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(values.permute(1, 2, 0).cpu().numpy())
