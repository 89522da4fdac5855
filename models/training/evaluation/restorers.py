"""Restorers to evaluate: from the catalog by name, and unpublished networks by file."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from slimgate.config import Engine
from slimgate.models.engine import loading
from slimgate.models.engine.batching import BatchingQueue
from slimgate.models.engine.downscaling import DownscalingRestorer, with_downscaler
from slimgate.models.engine.network import CannotRun, Network
from slimgate.models.engine.network_restorer import NetworkRestorer
from slimgate.models.registry import catalog
from slimgate.models.registry.cards import Restorer
from slimgate.models.training import unpublished
from slimgate.models.training.errors import NoRestorer
from slimgate.models.training.evaluation.plan import INTERPOLATIONS, NONE

_ENGINE: Final = Engine(threads=1)  # there is already one process per core


@dataclass(frozen=True, slots=True)
class Tested:
    """A restorer to evaluate.

    Attributes:
        label: label in reports.
        digest: digest of its computation, 16 hex digits.
        scales: supported scale factors.
        restorer: loaded restorer.
    """

    label: str
    digest: str
    scales: tuple[int, ...]
    restorer: Restorer


@cache  # once per process: compiling a network takes a second
def load(name: str) -> Tested:
    """Load a restorer.

    Args:
        name: name in the catalog, or an ONNX file of an integer network. Images are shrunk for it
            by the network in ``NAME-downscaler.onnx`` beside it, if there is one.

    Raises:
        NoRestorer: it does not exist, or cannot run here.
    """
    try:
        return _from_file(Path(name)) if name.endswith(".onnx") else _from_catalog(name)
    except (LookupError, CannotRun, ValueError) as error:
        raise NoRestorer(f"{name}: {error}") from error
    except OSError as error:
        raise NoRestorer(f"{name} cannot be read: {error.strerror}") from error


def load_all(names: tuple[str, ...]) -> dict[int, list[Tested]]:
    """Return the named restorers and interpolations, by scale.

    Raises:
        NoRestorer: one is missing, or two have the same label.
    """
    tested = [load(name) for name in dict.fromkeys((*INTERPOLATIONS, *names))]
    labels = [each.label for each in tested]
    for label in labels:
        if labels.count(label) > 1 or label == NONE:
            raise NoRestorer(f"two restorers have the label {label}: rename a file")
    return {scale: [each for each in tested if scale in each.scales] for scale in range(1, 5)}


def _from_catalog(name: str) -> Tested:
    card = catalog.named(name)
    if name in INTERPOLATIONS:
        return Tested(name, card.hash, card.scales, card.load())

    def find(content_hash: str) -> NetworkRestorer:
        return _behind_a_queue(loading.load(catalog.hashed(content_hash), _ENGINE))

    return Tested(name, card.hash, card.scales, with_downscaler(card, find))


def _from_file(path: Path) -> Tested:
    data = _content(path)
    network = unpublished.ready(data)
    digest = hashlib.sha256(data)
    beside = unpublished.downscaler_beside(path)
    downscaler = None
    if beside.exists():
        digest.update(data := _content(beside))
        downscaler = _behind_a_queue(unpublished.ready(data))
    restorer = DownscalingRestorer(_behind_a_queue(network), downscaler)
    return Tested(path.stem, digest.hexdigest()[:16], (network.scale,), restorer)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(unpublished.MAX_BYTES + 1)


def _behind_a_queue(network: Network) -> NetworkRestorer:
    queue = BatchingQueue(network, max_wait_ms=0, max_pixels=_ENGINE.max_pixels_in_flight)
    return NetworkRestorer(queue)
