"""Ways to reach an engine, and load on them; see :mod:`bench.remote_engine`."""

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from slimgate import models
from slimgate.models import Busy, Remote, Unreachable
from slimgate.models.engine.network import Pixels
from slimgate.models.engine.remote import RemoteRestorer

LEVEL: Final = 40
X2: Final = models.chosen("native")[2]
CLIENTS: Final = 16
TILE: Final = 128
"""Side of a small image of one tile."""

_IDLE_TIMEOUT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Way:
    """One way to reach an engine.

    Attributes:
        name: name in the tables.
        address: socket of the engine's process.
    """

    name: str
    address: Path

    def enlarge(self, restorer: str, small: Pixels, scale: int) -> Pixels:
        """Enlarge an image over a connection of its own."""
        with self.connected() as remote:
            return RemoteRestorer(remote, restorer).upscale(small, scale, level=LEVEL)

    @contextlib.contextmanager
    def connected(self) -> Iterator[Remote]:
        """Connect for the duration of the block."""
        remote = Remote(self.address, timeout_s=_IDLE_TIMEOUT_S)
        try:
            yield remote
        finally:
            remote.close()


def picture(*shape: int, seed: int = 0) -> Pixels:
    """Return an image of smooth noise, which is neither flat nor random."""
    noise = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    smooth = noise.astype(np.uint16)
    for axis in (0, 1):
        smooth = (smooth + np.roll(smooth, 1, axis) + np.roll(smooth, 2, axis)) // 3
    return smooth.astype(np.uint8)


@dataclass(slots=True)
class Load:
    """What became of the requests of many clients.

    Attributes:
        done: right results.
        wrong: results with other bytes.
        busy: requests answered with Busy, which a gateway turns into 503.
        slowest: longest request, seconds.
    """

    done: int = 0
    wrong: int = 0
    busy: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)

    def plus(self, other: "Load") -> "Load":
        """Return the sum of both."""
        return Load(
            self.done + other.done,
            self.wrong + other.wrong,
            self.busy + other.busy,
            max(self.slowest, other.slowest),
            self.failures + other.failures,
        )


def load(way: Way, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> Load:
    """Let 16 clients enlarge images of one tile without pause.

    Args:
        way: where.
        seconds: duration.
        meanwhile: called after a third of it.
    """
    images = [picture(TILE, TILE, 3, seed=seed) for seed in range(4)]
    expected = [way.enlarge(X2, each, 2) for each in images]
    end = time.monotonic() + seconds

    def client(number: int) -> Load:
        found = Load()
        with way.connected() as remote:
            while time.monotonic() < end:
                which = number % len(images)
                started = time.monotonic()
                try:
                    full = RemoteRestorer(remote, X2).upscale(images[which], 2, level=LEVEL)
                except (Busy, Unreachable):
                    found.busy += 1
                except models.EngineError as error:
                    found.failures.append(str(error))
                else:
                    right = np.array_equal(full, expected[which])
                    found.done += right
                    found.wrong += not right
                found.slowest = max(found.slowest, time.monotonic() - started)
                number += 1
        return found

    with ThreadPoolExecutor(CLIENTS) as threads:
        running = [threads.submit(client, number) for number in range(CLIENTS)]
        time.sleep(seconds / 3)
        meanwhile()
        total = Load()
        for each in running:
            total = total.plus(each.result())
    return total
