"""Cards: what is known of a restorer, whether it is loaded or not.

A card never changes: objects in buckets name it by its hash, and it stays loadable for ever. An
improved restorer is a new card.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from models.engines.interpolation import Interpolation


class Restorer(Protocol):
    """What a card stands for once it is loaded."""

    def upscale(
        self, pixels: npt.NDArray[np.uint8], scale: int, *, level: int
    ) -> npt.NDArray[np.uint8]:
        """Enlarge uint8 pixels (height, width[, 3]), coded as coarsely as the level says."""
        ...


@dataclass(frozen=True, slots=True)
class Download:
    """Describe a published file of weights.

    Attributes:
        url: Where its authors publish it.
        sha256: Of the file, 64 hex digits.
        size: Of the file, bytes.
    """

    url: str
    sha256: str
    size: int

    @property
    def file(self) -> str:
        """Give its name."""
        return self.url.rpartition("/")[2]


def definition_of(sha256: str) -> bytes:
    """Say what the hash of a network is taken of: nothing but its file of weights.

    Args:
        sha256: Of the file, 64 lowercase hex digits.
    """
    return f"slimgate checkpoint 1: {sha256}".encode()


def hash_of(definition: bytes) -> str:
    """Give 16 hex digits of the SHA-256 of a definition: how manifests name restorers."""
    return hashlib.sha256(definition).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Card:
    """Describe one restorer.

    Attributes:
        name: What policies call it.
        scales: Factors that it can enlarge by.
        kind: ``integer``: the same bits wherever it runs; ``float``: not promised.
        definition: What the hash is taken of.
        receptive_field: Pixels of the small image on each side that one result depends on.
        licence: SPDX identifier.
        source: Where it comes from.
        training_data: What it has learned from.
        download: Its weights, when they do not come with the package.
        file: Name of its weights in :mod:`models.registry.native`, when they do.
        check: Digest of what it makes of a pattern; see :mod:`models.engine.selfcheck`.
        endpoint: Whether it runs elsewhere, behind an endpoint that the configuration names.
    """

    name: str
    scales: tuple[int, ...]
    kind: Literal["integer", "float"]
    definition: bytes
    receptive_field: int
    licence: str
    source: str
    training_data: str = "none"
    download: Download | None = None
    file: str | None = None
    check: str | None = None
    endpoint: bool = False

    @property
    def hash(self) -> str:
        """Give 16 hex digits: how manifests name the card."""
        return hash_of(self.definition)

    @property
    def is_network(self) -> bool:
        """Return whether it needs weights and an engine."""
        return self.download is not None or self.file is not None or self.endpoint

    def load(self) -> Restorer:
        """Make the restorer ready for use.

        Raises:
            LookupError: It is a network, which needs an engine.
        """
        if self.is_network:
            raise LookupError(f"{self.name} is a network; it does not run without an engine")
        return Interpolation(self.name)
