"""Make sure that an integer network gives on this machine what it gave where it was made."""

import hashlib
from typing import Final

import numpy as np

from models.catalog import Card
from models.network import CHANNELS, CannotRun, Network, Pixels

SIDE: Final = 64
"""Side of the pattern; what lies beyond it in a larger tile is zero and is not looked at."""


def check(network: Network, card: Card) -> None:
    """Compare a result with the digest on the card.

    Raises:
        CannotRun: They differ: the engine or the processor does not compute integers exactly.
    """
    if digest(network) != card.check:
        raise CannotRun(
            f"{card.name} does not give the recorded result on this machine; "
            "report the processor and the version of the engine"
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
