"""Measure how images share a network: ``python -m bench.shared_network``.

64 clients request restored images of mixed sizes, most continuously. Clients of the smallest
images pause in between, like people who look at thumbnails.
"""

import argparse
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Final, Literal

import numpy as np

from slimgate.models.engine.batching import BatchingQueue
from slimgate.models.engine.inflight import Counters
from slimgate.models.engine.network import CHANNELS, EngineError, Network, Pixels, Tiles
from slimgate.models.engine.network_restorer import NetworkRestorer

_SCALE: Final = 2
_LEVEL: Final = 40
_CLIENTS: Final = 64
_SMALL: Final = 8
_SMALL_SIDE: Final = 32
"""Side of the smallest inputs: 64 x 64 when restored."""
_OTHER_SIDE: Final = 128
"""Side of the smallest inputs that are requested continuously."""
_PAUSE_S: Final = 0.5
_ALONE: Final = 20
_MAX_PIXELS: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class _SimulatedNetwork:
    """A network that repeats pixels, in a time proportional to the number of tiles."""

    tile: int
    max_batch: int
    scale: int = _SCALE
    channels: int = CHANNELS
    halo: int = 10
    gives: Literal["residual", "pixels"] = "pixels"
    seconds: float = 0.01

    def run(self, tiles: Pixels) -> Tiles:
        time.sleep(self.seconds * len(tiles))
        return tiles[..., :3].repeat(_SCALE, axis=1).repeat(_SCALE, axis=2)


@dataclass(slots=True)
class _Client:
    """A client that requests one image repeatedly.

    Attributes:
        pixels: small image.
        small: one of the smallest images, requested with pauses.
        checksum: checksum of the image restored alone.
        alone: seconds per request without other clients.
        loaded: seconds per request under load.
        wrong: number of results that differ from the image restored alone.
    """

    pixels: Pixels
    small: bool
    checksum: int = 0
    alone: list[float] = field(default_factory=list)
    loaded: list[float] = field(default_factory=list)
    wrong: int = 0

    def first(self, restorer: NetworkRestorer) -> None:
        """Send requests without other clients."""
        self.checksum = _checksum(restorer.upscale(self.pixels, _SCALE, level=_LEVEL))
        for _ in range(_ALONE if self.small else 1):
            self._ask(restorer, self.alone)

    def loop(self, restorer: NetworkRestorer, ended: threading.Event) -> None:
        """Send requests until the end."""
        random = np.random.default_rng(self.pixels[0, 0])
        while not ended.wait(random.uniform(0, 2 * _PAUSE_S) if self.small else 0):
            try:
                self._ask(restorer, self.loaded)
            except EngineError:
                if not ended.is_set():
                    raise

    def _ask(self, restorer: NetworkRestorer, times: list[float]) -> None:
        start = time.perf_counter()
        full = restorer.upscale(self.pixels, _SCALE, level=_LEVEL)
        times.append(time.perf_counter() - start)
        self.wrong += _checksum(full) != self.checksum


def _checksum(pixels: Pixels) -> int:
    return zlib.crc32(memoryview(pixels.data))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 if a result was wrong.
    """
    options = _parser().parse_args(arguments)
    network = _NETWORKS[options.network](options.tile, options.max_batch)
    clients = _clients(options.largest_mp)
    with BatchingQueue(network, max_wait_ms=options.max_wait_ms, max_pixels=_MAX_PIXELS) as queue:
        restorer = NetworkRestorer(queue)
        for client in clients:
            client.first(restorer)
        before = queue.counters
        after = _loaded(queue, clients, options.seconds)
    tiles, slots = after.tiles - before.tiles, after.slots - before.slots
    pixels = tiles * ((network.tile - 2 * network.halo) * _SCALE) ** 2
    wrong = sum(client.wrong for client in clients)
    _write(f"{options.network}: tiles of {network.tile}, batches of {options.max_batch}")
    _write(f"requests          {after.finished - before.finished} in {options.seconds:g} s")
    _write(f"throughput        {pixels / options.seconds / 1e6:.1f} MP/s")
    _write(f"batch fill        {tiles / slots:.1%}")
    _write(f"swapped results   {wrong}")
    _report_small([client for client in clients if client.small], options.max_wait_ms)
    return 1 if wrong else 0


def _loaded(queue: BatchingQueue, clients: list[_Client], seconds: float) -> Counters:
    """Run all clients concurrently, and count while all of them are active."""
    restorer, ended = NetworkRestorer(queue), threading.Event()
    with ThreadPoolExecutor(_CLIENTS) as threads:
        running = [threads.submit(client.loop, restorer, ended) for client in clients]
        ended.wait(seconds)
        counters = queue.counters
        ended.set()
        queue.close()  # unfinished images are discarded
    for each in running:
        each.result()
    return counters


def _report_small(clients: list[_Client], max_wait_ms: float) -> None:
    alone = 1e3 * median(seconds for client in clients for seconds in client.alone)
    loaded = [1e3 * seconds for client in clients for seconds in client.loaded]
    p99 = quantiles(loaded, n=100, method="inclusive")[-1]
    _write(f"small, alone      {alone:.0f} ms (median of {len(clients) * _ALONE})")
    _write(f"small, under load {median(loaded):.0f} ms (median of {len(loaded)}), p99 {p99:.0f} ms")
    _write(f"goal for the p99  {3 * alone + max_wait_ms:.0f} ms (3 x alone + longest wait)")


def _clients(largest_mp: float) -> list[_Client]:
    """Return clients with images of many sizes: many small, few large, as in most buckets."""
    random = np.random.default_rng(1)
    largest = (largest_mp * 1e6) ** 0.5 / _SCALE
    growth = np.linspace(0, 1, _CLIENTS - _SMALL) ** 4
    others = _OTHER_SIDE * (largest / _OTHER_SIDE) ** growth
    sides = [_SMALL_SIDE] * _SMALL + others.astype(int).tolist()
    return [
        _Client(random.integers(0, 256, (side, side, 3), dtype=np.uint8), side == _SMALL_SIDE)
        for side in sides
    ]


def _paced(tile: int, max_batch: int) -> Network:
    return _SimulatedNetwork(tile, max_batch)


def _openvino(tile: int, max_batch: int) -> Network:
    # Imported here: needed for this network only, and slow to import.
    from slimgate.models.engines.openvino_engine import OpenVinoNetwork, Shape, read  # noqa: PLC0415
    from slimgate.models.formats import qdq  # noqa: PLC0415
    from tests.models.networks import integer_network  # noqa: PLC0415

    network = integer_network(_SCALE, seed=1, width=32, depth=8)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "network.onnx")
        qdq.write(network, file)
        model = read(file.read_bytes())
    return OpenVinoNetwork(model, Shape(_SCALE, tile, network.reach, max_batch, "residual"))


_NETWORKS: Final[dict[str, Callable[[int, int], Network]]] = {
    "openvino": _openvino,
    "paced": _paced,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.shared_network", description=__doc__)
    parser.add_argument("--network", choices=_NETWORKS, default="openvino", help="network to run")
    parser.add_argument("--tile", type=int, default=256, help="side of a tile (default 256)")
    parser.add_argument("--max-batch", type=int, default=2, help="tiles in a batch (default 2)")
    parser.add_argument(
        "--max-wait-ms", type=float, default=5, help="maximum wait for a full batch (default 5)"
    )
    parser.add_argument(
        "--largest-mp", type=float, default=12, help="largest image, megapixels (default 12)"
    )
    parser.add_argument("--seconds", type=float, default=30, help="duration of load (default 30)")
    return parser


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
