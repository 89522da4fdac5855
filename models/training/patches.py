"""Sample random patches from pairs."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slimgate.models.training.errors import NoImages
from slimgate.models.training.network import LEVELS
from slimgate.models.training.pairs import Small, Source
from slimgate.models.training.settings import Run

Pixels = npt.NDArray[np.uint8]

_EQUAL: Final[Mapping[str, float]] = MappingProxyType({})


class Patches:
    """An endless, reproducible supply of batches.

    Args:
        sources: images to cut patches from, weighted by the square root of their area.
        weights: factors of these weights, by the beginnings of names.
        scale: scale factor between small and original images.
        batch: patches per batch.
        patch: side of a small patch, pixels.
        seed: seed of all random choices.

    Raises:
        NoImages: every image is smaller than a patch, or has a weight of 0.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        scale: int,
        batch: int,
        patch: int,
        seed: int,
        weights: Mapping[str, float] = _EQUAL,
    ) -> None:
        self._sources = [
            source for source in sources if min(source.smalls[0].pixels.shape[:2]) >= patch
        ]
        if not self._sources:
            raise NoImages(f"no image is large enough for patches of {patch} small pixels")
        self._scale, self._batch, self._patch = scale, batch, patch
        areas = np.array([source.original.size for source in self._sources], np.float64)
        factors = np.array([_factor(source.name, weights) for source in self._sources])
        shares = np.sqrt(areas) * factors
        if not shares.any():
            raise NoImages("all weights of the images are 0: set data.weights of some above 0")
        self._shares = shares / shares.sum()
        self.random = np.random.default_rng(seed)

    @classmethod
    def of(cls, run: Run, sources: Sequence[Source]) -> Self:
        """Return the patches of a run.

        Raises:
            NoImages: as above.
        """
        return cls(
            sources,
            scale=run.scale,
            batch=run.schedule.batch,
            patch=run.schedule.patch,
            seed=run.seed,
            weights=run.data.weights,
        )

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return a batch.

        Returns:
            Small patches with their level, float (n, 4, p, p), and the originals, float
            (n, 3, p * scale, p * scale), all in 1/256.
        """
        chosen = self.random.choice(len(self._sources), self._batch, p=self._shares)
        pairs = [self._cut(self._sources[index]) for index in chosen]
        small = torch.from_numpy(np.stack([pair[0] for pair in pairs]))
        full = torch.from_numpy(np.stack([pair[1] for pair in pairs]))
        return small.float() / LEVELS, full.float() / LEVELS

    def _cut(self, source: Source) -> tuple[Pixels, Pixels]:
        coded = source.smalls[int(self.random.integers(len(source.smalls)))]
        side, scale = self._patch, self._scale
        height, width = coded.pixels.shape[:2]
        top = int(self.random.integers(height - side + 1))
        left = int(self.random.integers(width - side + 1))
        small = coded.pixels[top : top + side, left : left + side]
        full = source.original[
            top * scale : (top + side) * scale, left * scale : (left + side) * scale
        ]
        turns, mirrored = int(self.random.integers(4)), bool(self.random.integers(2))
        turned = [np.rot90(patch[:, ::-1] if mirrored else patch, turns) for patch in (small, full)]
        return network_input(turned[0], coded.level), turned[1].transpose(2, 0, 1)


def _factor(name: str, weights: Mapping[str, float]) -> float:
    """Return the weight of the longest beginning of a name; 1 without any."""
    found = [beginning for beginning in weights if name.startswith(beginning)]
    return weights[max(found, key=len)] if found else 1.0


def network_input(small: Pixels, level: int) -> Pixels:
    """Add the plane of the coding level.

    Args:
        small: uint8, (h, w, 3).
        level: 0 to 255.

    Returns:
        uint8, (4, h, w).
    """
    plane = np.full(small.shape[:2], level, np.uint8)
    return np.dstack([small, plane]).transpose(2, 0, 1)


def as_tensors(coded: Small, original: Pixels) -> tuple[Tensor, Tensor]:
    """Return a whole pair as a batch of one."""
    small = torch.from_numpy(network_input(coded.pixels, coded.level).copy())[None]
    full = torch.from_numpy(original.transpose(2, 0, 1).copy())[None]
    return small.float() / LEVELS, full.float() / LEVELS
