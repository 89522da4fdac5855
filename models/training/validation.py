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


_MEANS: Final = tuple(field.name for field in fields(Fidelity) if field.name != "scores")

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
    images = [np.array(_measured(network, source, device), np.float64) for source in validating]
    means = np.concatenate(images).mean(axis=0)
    scores = tuple(float(rows[:, _MEANS.index("score")].mean()) for rows in images)
    return _fidelity(means.tolist(), scores)


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


def _measured(network: Stack, source: Source, device: torch.device) -> list[tuple[float, ...]]:
    """Return the measures of all pairs of an image, in the order of :class:`Fidelity`."""
    judge = renditions.Judge(source.original)
    rows: list[tuple[float, ...]] = []
    for coded in source.smalls:
        small, full = (each.to(device) for each in as_tensors(coded, source.original))
        with torch.no_grad():
            plain = interpolate(small[:, :3], network.scale)
            restored = restore(network, small)
        gain = psnr(restored, full) - psnr(plain, full)
        rows.append((gain, *astuple(judge.measures(_pixels(restored)))))
    return rows


def _pixels(restored: Tensor) -> renditions.Pixels:
    """Return the pixels that are served for a batch of one: uint8, (h, w, 3)."""
    values = restored[0].mul(LEVELS).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(values.permute(1, 2, 0).cpu().numpy())
