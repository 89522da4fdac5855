"""Verify that an engine computes an integer network exactly before using it.

Engines that accumulate in integers or float32 do. An engine that rounds sums to bfloat16 or
float16, OpenVINO's default on CPUs that support it, gives other pixels, as may a defective one. The
environment cannot be known in advance, but its result for a test pattern can be checked.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from slimgate.models.engine.network import CannotRun, Network, Pixels, Tiles
from slimgate.models.formats.integer import IntegerNetwork
from slimgate.models.registry.catalog import Card

SIDE: Final = 64
"""Side of the pattern; the rest of a larger tile is zero and ignored."""


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of an integer network as a network of an engine.

    Attributes:
        network: network to compute; slow.
    """

    network: IntegerNetwork
    gives: Literal["residual"] = "residual"
    tile: int = SIDE
    max_batch: int = 2

    @property
    def scale(self) -> int:
        """Return the scale factor."""
        return self.network.scale

    @property
    def channels(self) -> int:
        """Return the channels of a tile."""
        return self.network.channels

    @property
    def halo(self) -> int:
        """Return the halo, in small pixels."""
        return self.network.reach

    def run(self, tiles: Pixels) -> Tiles:
        """Compute a batch; see :meth:`slimgate.models.engine.network.Network.run`."""
        return self.network.residual(tiles)


def check(network: Network, card: Card) -> None:
    """Compare a network's result with the digest on its card.

    Raises:
        CannotRun: they differ: the engine or CPU does not compute integers exactly.
    """
    _compare(network, card.check, card.name)


def check_against(network: Network, definition: IntegerNetwork) -> None:
    """Compare a network's result with its definition, for networks without a card.

    Raises:
        CannotRun: they differ: the engine or CPU does not compute integers exactly.
    """
    _compare(network, digest(Definition(definition)), "the network")


def _compare(network: Network, expected: str | None, name: str) -> None:
    if digest(network) != expected:
        raise CannotRun(
            f"{name} does not reproduce its recorded result on this machine: the engine does not "
            "compute integers exactly; report the CPU and the version of the engine"
        )


def digest(network: Network) -> str:
    """Return the digest of a network's result for the pattern, 64 hex digits.

    Two tiles are batched if the network supports it; the result does not depend on that.
    """
    side, margin, scale = network.tile, network.halo, network.scale
    tiles = np.zeros((2, side, side, network.channels), np.uint8)
    tiles[:, :SIDE, :SIDE] = pattern(network.channels)
    tiles[1] = 255 - tiles[1]
    batches = [tiles] if network.max_batch >= 2 else [tiles[:1], tiles[1:]]
    results = [network.run(batch) for batch in (*batches, tiles[:1])]
    inside = slice(margin * scale, (SIDE - margin) * scale)
    hashed = hashlib.sha256()
    for result in results:
        hashed.update(np.ascontiguousarray(result[:, inside, inside]).data)
    return hashed.hexdigest()


def pattern(channels: int) -> Pixels:
    """Return a tile with edges, ramps and noise, identical everywhere: (64, 64, channels)."""
    row, column, channel = np.indices((SIDE, SIDE, channels), np.uint32)
    noise = (row * 2654435761 + column * 40503 + channel * 69069) >> 7
    ramp = (row * 4 + column * 2) * (channel + 1)
    mixed = np.where((row // 16 + column // 16) % 2 == 0, noise, ramp)
    return np.asarray(mixed & 255, np.uint8)
