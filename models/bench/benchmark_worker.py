"""The benchmark process: load one restorer, and restore the same image repeatedly."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Literal

import numpy as np
from PIL import Image

from slimgate.config import Engine
from slimgate.models.engine.loading import Restorers
from slimgate.models.engine.network import EngineError, Pixels
from slimgate.models.registry import catalog
from slimgate.models.registry.cards import Card, Enlarger

Way = Literal["gateway", "whole", "tiled"]

_LEVEL: Final = 64
_TIMEOUT_S: Final = 600.0
_STATUS: Final = Path("/proc/self/status")
_FORGET_PEAK: Final = "5"  # proc(5), /proc/pid/clear_refs: reset the peak to the resident size


@dataclass(frozen=True, slots=True)
class Contender:
    """A contender.

    Attributes:
        title: title in the table.
        way: ``gateway``: through tiles and the batching queue; ``whole`` and ``tiled``: see
            :mod:`slimgate.models.bench.baselines`.
        card: name of the restorer.
        engine: engine to run it.
        width: width of the output, pixels.
        height: height of the output, pixels.
        in_flight: number of concurrent images.
    """

    title: str
    way: Way
    card: str
    engine: Engine
    width: int
    height: int
    in_flight: int = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements of a contender.

    Attributes:
        seconds: time per image, one value per repetition.
        pixels: pixels of one output.
        peak_mib: peak memory above that of the process without a network; None: unknown.
        fill: share of batch slots that held a tile, 0 to 1; None without batches.
    """

    seconds: tuple[float, ...]
    pixels: int
    peak_mib: float | None
    fill: float | None


def photograph(width: int, height: int) -> Pixels:
    """Return a fixed image with structure at all scales, as in photographs.

    Args:
        width: width, pixels.
        height: height, pixels.

    Returns:
        uint8, (height, width, 3).
    """
    random = np.random.default_rng(0)
    total = np.full((height, width, 3), 128, np.int16)
    cell = max(width, height)
    while cell:
        rows, columns = height // cell + 2, width // cell + 2
        noise = random.integers(0, 256, (rows, columns, 3), np.uint8)
        layer = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
        # Amplitudes of natural images fall with frequency; octaves from 16 pixels have equal
        # weights.
        total += (np.asarray(layer, np.int16) - 128) * min(cell, 16) // 48
        cell //= 2
    return np.asarray(np.clip(total, 0, 255), np.uint8)


def serve(contender: Contender, connection: Connection) -> None:
    """Measure for each duration received, until the peer disconnects.

    Sends None once the restorer is loaded, then measurements; or, at any time, the reason why it
    cannot run.

    Args:
        contender: contender to measure.
        connection: connection to the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent also gets it, and stops this process
    try:
        with _prepared(contender) as measure:
            connection.send("")
            while True:
                connection.send(measure(connection.recv()))
    except EngineError as error:
        connection.send(str(error))
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        connection.send(f"needs {package}: pip install 'slimgate[gpu]'")
    except (EOFError, ConnectionError):
        return  # the parent is gone


@contextmanager
def _prepared(contender: Contender) -> Iterator[Callable[[float], Measured]]:
    """Load and warm up the restorer, and yield its measuring function."""
    card = catalog.named(contender.card)
    scale = max(card.scales)
    image = photograph(contender.width // scale, contender.height // scale)
    _import(contender, card)
    idle = _idle_mib()
    with (
        _loaded(contender, card) as (restorer, fill),
        _restoring(contender, restorer, image) as once,
    ):

        def measure(seconds: float) -> Measured:
            taken = [once()]
            while sum(taken) * contender.in_flight < seconds:
                taken.append(once())
            peak = None if idle is None else _status_mib("VmHWM") - idle
            return Measured(tuple(taken), image.size // 3 * scale**2, peak, fill())

        once()
        yield measure


@contextmanager
def _restoring(
    contender: Contender, restorer: Enlarger, image: Pixels
) -> Iterator[Callable[[], float]]:
    """Yield a function that restores all images concurrently and returns seconds per image."""
    scale = max(catalog.named(contender.card).scales)
    with ThreadPoolExecutor(contender.in_flight) as threads:

        def once() -> float:
            started = time.perf_counter()
            begun = [
                threads.submit(restorer.upscale, image, scale, level=_LEVEL)
                for _ in range(contender.in_flight)
            ]
            for each in begun:
                each.result()
            return (time.perf_counter() - started) / contender.in_flight

        yield once


def _import(contender: Contender, card: Card) -> None:
    """Import packages before measuring idle memory: they are not a cost of images."""
    on_torch = contender.way != "gateway" or contender.engine.backend == "torch"
    if on_torch and card.kind == "integer":
        import_module("slimgate.models.formats.qdq")
    if contender.way != "gateway":
        import_module("slimgate.models.bench.baselines")
    elif on_torch:
        import_module("slimgate.models.engines.torch_integer")
    else:
        import_module("slimgate.models.engines.openvino_engine")


@contextmanager
def _loaded(
    contender: Contender, card: Card
) -> Iterator[tuple[Enlarger, Callable[[], float | None]]]:
    """Yield the restorer, and a function that returns how full its batches are."""
    if contender.way != "gateway":
        from slimgate.models.bench import baselines  # noqa: PLC0415  # torch is an extra

        yield baselines.load(card, contender.engine, tiled=contender.way == "tiled"), lambda: None
        return
    restorers = Restorers(contender.engine, timeout_s=_TIMEOUT_S)
    try:
        yield restorers(card.hash), lambda: restorers.counters[card.hash].fill
    finally:
        restorers.close()


def _idle_mib() -> float | None:
    """Reset the peak, and return the resident memory; None if the system cannot tell."""
    if not _STATUS.exists():
        return None
    try:
        _STATUS.with_name("clear_refs").write_text(_FORGET_PEAK)
    except OSError:
        return None
    return _status_mib("VmRSS")


def _status_mib(field: str) -> float:
    lines = _STATUS.read_text("utf-8").splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return int(kib) / 1024
