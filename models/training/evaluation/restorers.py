"""Restorers under test: those of the catalog by name, and networks that do not ship yet by file."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from config import Engine
from models.engine import loading
from models.engine.batching import BatchingQueue
from models.engine.network import CannotRun, Network
from models.engine.restoring import NetworkRestorer
from models.registry import catalog
from models.registry.cards import Restorer
from models.training import trying
from models.training.errors import NoRestorer
from models.training.evaluation.plan import INTERPOLATIONS, NONE

_ENGINE: Final = Engine(threads=1)  # one process per core already


@dataclass(frozen=True, slots=True)
class Tested:
    """A restorer under test.

    Attributes:
        label: What reports call it.
        digest: Of what it computes; 16 hex digits.
        scales: By how much it enlarges.
        restorer: Ready for use.
    """

    label: str
    digest: str
    scales: tuple[int, ...]
    restorer: Restorer


@cache  # once in each process: a network takes a second to compile
def load(name: str) -> Tested:
    """Load a restorer.

    Args:
        name: Of the catalog; or an ONNX file of an integer network.

    Raises:
        NoRestorer: There is none, or it cannot run here.
    """
    try:
        return _from_file(Path(name)) if name.endswith(".onnx") else _from_catalog(name)
    except (LookupError, CannotRun, ValueError) as error:
        raise NoRestorer(f"{name}: {error}") from error
    except OSError as error:
        raise NoRestorer(f"{name} cannot be read: {error.strerror}") from error


def load_all(names: tuple[str, ...]) -> dict[int, list[Tested]]:
    """Load all that are named, and interpolations, by scale.

    Raises:
        NoRestorer: One is missing, or two have the same label.
    """
    tested = [load(name) for name in dict.fromkeys((*INTERPOLATIONS, *names))]
    labels = [each.label for each in tested]
    for label in labels:
        if labels.count(label) > 1 or label == NONE:
            raise NoRestorer(f"two restorers are called {label}: rename a file")
    return {scale: [each for each in tested if scale in each.scales] for scale in range(1, 5)}


def _from_catalog(name: str) -> Tested:
    card = catalog.named(name)
    if name in INTERPOLATIONS:
        return Tested(name, card.hash, card.scales, card.load())
    return Tested(name, card.hash, card.scales, _behind_a_queue(loading.load(card, _ENGINE)))


def _from_file(path: Path) -> Tested:
    with path.open("rb") as file:
        data = file.read(trying.MAX_BYTES + 1)
    network = trying.ready(data)
    digest = hashlib.sha256(data).hexdigest()[:16]
    return Tested(path.stem, digest, (network.scale,), _behind_a_queue(network))


def _behind_a_queue(network: Network) -> NetworkRestorer:
    queue = BatchingQueue(network, max_wait_ms=0, max_pixels=_ENGINE.max_pixels_in_flight)
    return NetworkRestorer(queue)
