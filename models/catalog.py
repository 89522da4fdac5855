"""Every restorer there is: an explicit list of frozen cards.

A card never changes: objects in buckets name it by its hash, and it stays loadable for ever. An
improved restorer is a new card.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from models.interpolation import Interpolation


class Restorer(Protocol):
    """What a card stands for once it is loaded."""

    def upscale(self, pixels: npt.NDArray[np.uint8], scale: int) -> npt.NDArray[np.uint8]:
        """Enlarge uint8 pixels (height, width[, 3]) by a whole factor."""
        ...


@dataclass(frozen=True, slots=True)
class Card:
    """Describe one restorer.

    Attributes:
        name: What policies call it.
        scales: Factors that it can enlarge by.
        kind: ``integer``: the same bits on every machine; ``float``: not promised.
        definition: What the hash is taken of.
        receptive_field: Pixels of the small image on each side that one result depends on.
        licence: SPDX identifier.
        source: Where it comes from.
    """

    name: str
    scales: tuple[int, ...]
    kind: Literal["integer", "float"]
    definition: bytes
    receptive_field: int
    licence: str
    source: str

    @property
    def hash(self) -> str:
        """Give 16 hex digits of the SHA-256 of the definition: how manifests name the card."""
        return hashlib.sha256(self.definition).hexdigest()[:16]

    def load(self) -> Restorer:
        """Make the restorer ready for use."""
        return Interpolation(self.name)


CATALOG: Final = (
    Card(
        name="bicubic",
        scales=(2, 3, 4),
        kind="integer",
        definition=b"slimgate interpolation 1: bicubic, a = -0.5, 8-bit fixed point",
        receptive_field=2,
        licence="MIT-CMU",
        source="Pillow, Resample.c",
    ),
    Card(
        name="lanczos",
        scales=(2, 3, 4),
        kind="integer",
        definition=b"slimgate interpolation 1: lanczos-3, 8-bit fixed point",
        receptive_field=3,
        licence="MIT-CMU",
        source="Pillow, Resample.c",
    ),
)

_BY_NAME: Final = {card.name: card for card in CATALOG}
_BY_HASH: Final = {card.hash: card for card in CATALOG}

NAMES: Final = frozenset(_BY_NAME)


def named(name: str) -> Card:
    """Look a card up by the name that policies use.

    Raises:
        LookupError: No card has that name.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        known = ", ".join(sorted(NAMES))
        raise LookupError(f"no restorer is called {name!r}; known: {known}") from None


def hashed(content_hash: str) -> Card:
    """Look a card up by the hash that manifests use.

    Raises:
        LookupError: This version does not have that restorer.
    """
    try:
        return _BY_HASH[content_hash]
    except KeyError:
        raise LookupError(
            f"no restorer with hash {content_hash} is installed; a newer version may have it"
        ) from None


def restorer(content_hash: str) -> Restorer:
    """Load the restorer with that hash.

    Raises:
        LookupError: This version does not have it.
    """
    return hashed(content_hash).load()
