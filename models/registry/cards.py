"""Cards: metadata of restorers, loaded or not.

A card never changes: stored objects refer to it by hash, so it must stay loadable forever. An
improved restorer gets a new card.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from slimgate.models.engine.network import CHANNELS, stacked_channels
from slimgate.models.engines.interpolation import Interpolation


class Enlarger(Protocol):
    """Enlarges images: a network behind a queue, here or elsewhere, or a filter."""

    def upscale(
        self, pixels: npt.NDArray[np.uint8], scale: int, *, level: int
    ) -> npt.NDArray[np.uint8]:
        """Enlarge uint8 pixels (height, width[, 3]) that were coded at `level`."""
        ...


class Restorer(Enlarger, Protocol):
    """A loaded card, with what shrinks images for it."""

    def refine(
        self, small: npt.NDArray[np.uint8], full: npt.NDArray[np.uint8], scale: int
    ) -> npt.NDArray[np.uint8]:
        """Refine `small`, shrunk from `full` by `scale`, for this restorer."""
        ...


@dataclass(frozen=True, slots=True)
class Download:
    """A published file of weights.

    Attributes:
        url: URL of the publisher.
        sha256: SHA-256 of the file, 64 hex digits.
        size: size of the file, bytes.
    """

    url: str
    sha256: str
    size: int

    @property
    def file(self) -> str:
        """Return the file name."""
        return self.url.rpartition("/")[2]


def definition_of(sha256: str) -> bytes:
    """Return the definition of a network, the input of its hash: its file of weights alone.

    Args:
        sha256: SHA-256 of the file, 64 lowercase hex digits.
    """
    return f"slimgate checkpoint 1: {sha256}".encode()


def hash_of(definition: bytes) -> str:
    """Return 16 hex digits of the SHA-256 of a definition, the name of a restorer in manifests."""
    return hashlib.sha256(definition).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Card:
    """Metadata of one restorer.

    Attributes:
        name: name in policies.
        scales: supported scale factors.
        kind: ``integer``: bit-exact everywhere; ``float``: results may differ between machines.
        definition: input of the hash.
        receptive_field: radius of the receptive field in the small image, pixels.
        licence: SPDX identifier.
        source: origin.
        training_data: data that it was trained on.
        download: weights, unless they ship with the package.
        file: name of its weights in :mod:`slimgate.models.registry.native`, if they do.
        downscaler: content hash of the network that shrinks images for it, if it was trained with
            one.
        shrinks: scale factor of the images that it refines, if it is such a network.
        check: digest of its result for a pattern; see :mod:`slimgate.models.engine.selfcheck`.
        endpoint: runs remotely, on an endpoint from the configuration.
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
    downscaler: str | None = None
    shrinks: int | None = None
    check: str | None = None
    endpoint: bool = False

    @property
    def hash(self) -> str:
        """Return 16 hex digits, the name of the card in manifests."""
        return hash_of(self.definition)

    @property
    def channels(self) -> int:
        """Return the channels of the tiles of a network: those of an image, and the level."""
        return CHANNELS if self.shrinks is None else stacked_channels(self.shrinks) + 1

    @property
    def is_network(self) -> bool:
        """Return whether the restorer needs weights and an engine."""
        return self.download is not None or self.file is not None or self.endpoint

    def load(self) -> Restorer:
        """Load the restorer.

        Raises:
            LookupError: the card is a network, which needs an engine.
        """
        if self.is_network:
            raise LookupError(f"{self.name} is a network and needs an engine")
        return Interpolation(self.name)
