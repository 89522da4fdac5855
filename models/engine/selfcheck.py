"""Make sure that an engine computes an integer network as it is defined, before it is used.

Engines that sum in integers or in float32 do. One that rounds sums to bfloat16 or float16, as
OpenVINO does on processors that have them unless it is told otherwise, gives other pixels, and so
may one with a defect. Where it runs and how it is set up cannot be known in advance; what it makes
of a pattern can.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from models.engine.network import CHANNELS, CannotRun, Network, Pixels, Tiles
from models.formats.integer import IntegerNetwork
from models.registry.catalog import Card

SIDE: Final = 64
"""Side of the pattern; what lies beyond it in a larger tile is zero and is not looked at."""


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of an integer network in the form of a network on an engine.

    Attributes:
        network: What it computes, slowly.
    """

    network: IntegerNetwork
    gives: Literal["residual"] = "residual"
    tile: int = SIDE
    max_batch: int = 2

    @property
    def scale(self) -> int:
        """By how much it enlarges."""
        return self.network.scale

    @property
    def halo(self) -> int:
        """Small pixels along each edge whose results are thrown away."""
        return self.network.reach

    def run(self, tiles: Pixels) -> Tiles:
        """Compute one batch; see :meth:`models.engine.network.Network.run`."""
        return self.network.residual(tiles)


def check(network: Network, card: Card) -> None:
    """Compare a result with the digest on the card.

    Raises:
        CannotRun: They differ: the engine or the processor does not compute integers exactly.
    """
    _compare(network, card.check, card.name)


def check_against(network: Network, definition: IntegerNetwork) -> None:
    """Compare a result with that of the definition, for networks without a card.

    Raises:
        CannotRun: They differ: the engine or the processor does not compute integers exactly.
    """
    _compare(network, digest(Definition(definition)), "the network")


def _compare(network: Network, expected: str | None, name: str) -> None:
    if digest(network) != expected:
        raise CannotRun(
            f"{name} does not give the recorded result on this machine: the engine does not "
            "compute integers exactly; report the processor and the version of the engine"
        )


def digest(network: Network) -> str:
    """Name what a network makes of the pattern: 64 hex digits.

    Two tiles go in one batch where the network takes two; what it gives does not depend on that.
    """
    side, margin, scale = network.tile, network.halo, network.scale
    tiles = np.zeros((2, side, side, CHANNELS), np.uint8)
    tiles[:, :SIDE, :SIDE] = pattern()
    tiles[1] = 255 - tiles[1]
    batches = [tiles] if network.max_batch >= 2 else [tiles[:1], tiles[1:]]
    results = [network.run(batch) for batch in (*batches, tiles[:1])]
    inside = slice(margin * scale, (SIDE - margin) * scale)
    hashed = hashlib.sha256()
    for result in results:
        hashed.update(np.ascontiguousarray(result[:, inside, inside]).data)
    return hashed.hexdigest()


def pattern() -> Pixels:
    """Make a tile with edges, ramps and noise that is the same everywhere: (64, 64, 4)."""
    row, column, channel = np.indices((SIDE, SIDE, CHANNELS), np.uint32)
    noise = (row * 2654435761 + column * 40503 + channel * 69069) >> 7
    ramp = (row * 4 + column * 2) * (channel + 1)
    mixed = np.where((row // 16 + column // 16) % 2 == 0, noise, ramp)
    return np.asarray(mixed & 255, np.uint8)
