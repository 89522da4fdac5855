"""Load networks on the configured engine, once each, on first use."""

import hashlib
import os
import threading
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from slimgate.config import Engine
from slimgate.models.engine import selfcheck
from slimgate.models.engine.batching import BatchingQueue
from slimgate.models.engine.downscaling import with_downscaler
from slimgate.models.engine.inflight import Counters
from slimgate.models.engine.network import CannotRun, Network
from slimgate.models.engine.network_restorer import NetworkRestorer
from slimgate.models.registry import catalog, fetch
from slimgate.models.registry.cards import Card, Restorer, definition_of

if TYPE_CHECKING:
    from slimgate.models.formats.checkpoints import Checkpoint

_TILE: Final = 128
"""Tile side of integer networks, in small pixels without halo: the halo costs a third, and an
image of 64x64 wastes at most a few milliseconds."""

_CPU_BATCH: Final = 2
"""CPUs gain little from larger batches, and small images would wait for them."""

_GPU_BATCH: Final = 16


@dataclass(frozen=True, slots=True)
class _Loaded:
    queue: BatchingQueue
    restorer: NetworkRestorer


class Restorers:
    """Loaded networks, each behind a queue; thread-safe.

    Args:
        engine: engine and its limits.
        timeout_s: timeout of one image, seconds.
    """

    def __init__(self, engine: Engine, *, timeout_s: float) -> None:
        self._engine = engine
        self._timeout_s = timeout_s
        self._loaded: dict[str, _Loaded] = {}
        self._lock = threading.Lock()

    def __call__(self, content_hash: str) -> NetworkRestorer:
        """Return the restorer of a hash, loading it on first use.

        Raises:
            LookupError: this version does not have it.
            EngineError: it cannot run here; the message says what to install.
        """
        with self._lock:
            if content_hash not in self._loaded:
                self._loaded[content_hash] = self._load(catalog.hashed(content_hash))
            return self._loaded[content_hash].restorer

    @property
    def counters(self) -> dict[str, Counters]:
        """Return the counters of each queue, by hash."""
        return {key: loaded.queue.counters for key, loaded in list(self._loaded.items())}

    @property
    def fill(self) -> float:
        """Return the share of batch slots that held a tile, over all queues, 0 to 1."""
        counters = self.counters.values()
        slots = sum(each.slots for each in counters)
        return sum(each.tiles for each in counters) / slots if slots else 0.0

    def close(self) -> None:
        """Fail all images in flight, and stop all threads."""
        with self._lock:
            for loaded in self._loaded.values():
                loaded.queue.close()
            self._loaded.clear()

    def _load(self, card: Card) -> _Loaded:
        queue = BatchingQueue(
            load(card, self._engine),
            max_wait_ms=self._engine.max_wait_ms,
            max_pixels=self._engine.max_pixels_in_flight,
            max_batch=self._engine.max_batch or None,
        )
        return _Loaded(queue, NetworkRestorer(queue, timeout_s=self._timeout_s))


class LocalRestorers:
    """Finds restorers by hash, all in this process: for tools without a gateway.

    Args:
        networks: loaded networks.
    """

    def __init__(self, networks: Restorers) -> None:
        self._networks = networks

    def __call__(self, content_hash: str, /) -> Restorer:
        """Return the restorer of a hash.

        Raises:
            LookupError: this version does not have it.
            EngineError: it cannot run here; the message says what to install.
        """
        card = catalog.hashed(content_hash)
        return with_downscaler(card, self._networks) if card.is_network else card.load()


def load(card: Card, engine: Engine) -> Network:
    """Load a network.

    Args:
        card: card of the network.
        engine: engine to run it.

    Raises:
        CannotRun: a dependency is missing; the message says what to install.
    """
    if engine.backend == "remote":
        raise CannotRun(f"{card.name} needs an engine here, and engine.backend is remote")
    try:
        return _integer(card, engine) if card.kind == "integer" else _float(card, engine)
    except ImportError as error:
        raise CannotRun(
            f"{card.name} needs the package {error.name} on the engine {engine.backend}: "
            "pip install 'slimgate[gpu]', or choose another engine or restorer"
        ) from error


def checkpoint_of(card: Card) -> "Checkpoint":
    """Load a fetched third-party checkpoint.

    Raises:
        CannotRun: it is missing or unusable; the message says what to do.
        ImportError: torch or spandrel is not installed.
    """
    if card.download is None:
        raise CannotRun(f"{card.name} is not a network")
    from slimgate.models.formats import checkpoints

    try:
        path = fetch.find(card.download, fetch.cache_folder(os.environ))
        return checkpoints.load(path, sha256=card.download.sha256)
    except (fetch.FetchFailed, checkpoints.Unusable) as error:
        hint = f"run: slimgate models fetch {card.name}"
        raise CannotRun(f"{card.name} cannot be loaded: {error}; {hint}") from error


def _integer(card: Card, engine: Engine) -> Network:
    """Load a network that ships with the package, refusing engines that are not bit-exact."""
    data = _shipped(card)
    network = (
        _on_torch(card, data, engine)
        if engine.backend == "torch"
        else _on_openvino(card, data, engine)
    )
    selfcheck.check(network, card)
    return network


def _on_torch(card: Card, data: bytes, engine: Engine) -> Network:
    from slimgate.models.engines.torch_integer import TorchIntegerNetwork
    from slimgate.models.formats import qdq

    return TorchIntegerNetwork(
        qdq.read(data),
        device=engine.device,
        tile=_TILE + 2 * card.receptive_field,
        max_batch=engine.max_batch or _GPU_BATCH,
        threads=engine.threads,
    )


def _on_openvino(card: Card, data: bytes, engine: Engine) -> Network:
    from slimgate.models.engines import openvino_engine

    (scale,) = card.scales
    shape = openvino_engine.Shape(
        scale=scale,
        tile=_TILE + 2 * card.receptive_field,
        halo=card.receptive_field,
        max_batch=engine.max_batch or _CPU_BATCH,
        gives="residual",
        channels=card.channels,
    )
    model = openvino_engine.read(data)
    return openvino_engine.OpenVinoNetwork(model, shape, threads=engine.threads)


def _float(card: Card, engine: Engine) -> Network:
    """Load a third-party checkpoint; its results differ between machines."""
    if card.endpoint:
        return _endpoint(card, engine)
    checkpoint = checkpoint_of(card)
    if engine.backend == "torch":
        from slimgate.models.engines.torch_engine import TorchNetwork

        return TorchNetwork(checkpoint, device=engine.device, threads=engine.threads)
    from slimgate.models.engines import openvino_float

    return openvino_float.load(checkpoint, threads=engine.threads)


def _endpoint(card: Card, engine: Engine) -> Network:
    if engine.backend != "sagemaker" or engine.sagemaker.endpoint is None:
        raise CannotRun(
            f"{card.name} needs engine.backend: sagemaker and the endpoint's name in "
            "engine.sagemaker.endpoint"
        )
    from slimgate.models.engines.sagemaker import Endpoint, SageMakerNetwork

    endpoint = Endpoint(name=engine.sagemaker.endpoint, region=engine.sagemaker.region)
    return SageMakerNetwork(endpoint)


def _shipped(card: Card) -> bytes:
    """Read the file of a network, and verify it against its card."""
    if card.file is None:
        raise CannotRun(f"{card.name} is not a network")
    data = resources.files("slimgate.models.registry.native").joinpath(card.file).read_bytes()
    if card.definition != definition_of(hashlib.sha256(data).hexdigest()):
        raise CannotRun(f"{card.file} is damaged: reinstall slimgate")
    return data
