"""A small, complete network without an engine, exact in integers."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from slimgate.models.engine.network import CHANNELS, OutOfMemory, Pixels, Tiles

_Integers = npt.NDArray[np.int64]


def _nothing(_: Pixels) -> None:
    pass


@dataclass
class FakeNetwork:
    """A stack of random 3x3 convolutions modulo 256: any change of the input changes the result.

    Attributes:
        scale: By how much it enlarges.
        channels: Channels of its tiles.
        depth: Convolutions; its receptive field.
        halo: Small pixels along each edge that are thrown away.
        core: Side of what is left of a tile.
        max_batch: Most tiles in one call.
        gives: What its results are.
        memory: Most tiles that fit into memory.
        before: Called with each batch; may block or raise as an engine does.
        batches: How many tiles each computed batch had.
    """

    scale: int = 2
    channels: int = CHANNELS
    depth: int = 2
    halo: int = 2
    core: int = 4
    max_batch: int = 4
    gives: Literal["residual", "pixels"] = "residual"
    memory: int = 1_000_000
    before: Callable[[Pixels], None] = _nothing
    batches: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        random = np.random.default_rng(7)
        outputs = 3 * self.scale**2
        widths = [self.channels] + [3] * (self.depth - 1) + [outputs]
        self._weights = [
            random.integers(1, 256, (3, 3, before, after))
            for before, after in itertools.pairwise(widths)
        ]
        self._alone = threading.Lock()

    @property
    def tile(self) -> int:
        """Side of the tiles that it takes."""
        return self.core + 2 * self.halo

    def run(self, tiles: Pixels) -> Tiles:
        """Compute one batch, as a network does."""
        assert self._alone.acquire(blocking=False), "called by two threads at a time"
        try:
            assert tiles.dtype == np.uint8
            assert (self.tile, self.tile, self.channels) == tiles.shape[1:]
            assert 1 <= len(tiles) <= self.max_batch
            self.before(tiles)
            if len(tiles) > self.memory:
                raise OutOfMemory("too many tiles")
            self.batches.append(len(tiles))
            return self._computed(tiles)
        finally:
            self._alone.release()

    def whole(self, pixels: Pixels, level: int) -> Tiles:
        """Compute an image at once, extended by repeated edges and without any tiles."""
        edge = self.halo
        extended = np.pad(pixels, ((edge, edge), (edge, edge), (0, 0)), mode="edge")
        levels = np.full((*extended.shape[:2], 1), level, np.uint8)
        result = self._computed(np.concatenate([extended, levels], axis=2)[np.newaxis])[0]
        cut = edge * self.scale
        kept: Tiles = result[cut : result.shape[0] - cut, cut : result.shape[1] - cut]
        return kept

    def _computed(self, tiles: Pixels) -> Tiles:
        features: _Integers = tiles.astype(np.int64)
        for weights in self._weights:
            features = _convolved(features, weights)
        count, height, width, _ = features.shape
        blocks = features.reshape(count, height, width, self.scale, self.scale, 3)
        shuffled = blocks.transpose(0, 1, 3, 2, 4, 5)
        full = shuffled.reshape(count, height * self.scale, width * self.scale, 3)
        pixels: Pixels = full.astype(np.uint8)
        return pixels.view(np.int8) if self.gives == "residual" else pixels


def _convolved(features: _Integers, weights: _Integers) -> _Integers:
    """Convolve (n, h, w, c) with (3, 3, c, d), padded by zeros, modulo 256."""
    height, width = features.shape[1:3]
    padded = np.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0)))
    total = np.zeros((*features.shape[:3], weights.shape[3]), np.int64)
    for row in range(3):
        for column in range(3):
            total += padded[:, row : row + height, column : column + width] @ weights[row, column]
    return total % 256
