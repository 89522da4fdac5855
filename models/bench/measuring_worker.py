"""The process that measures: load one restorer, and restore the same image again and again."""

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

from config import Engine
from models.engine.loading import Restorers
from models.engine.network import EngineError, Pixels
from models.registry import catalog
from models.registry.cards import Card, Restorer

Way = Literal["gateway", "whole", "tiled"]

_LEVEL: Final = 64
_TIMEOUT_S: Final = 600.0
_PACKAGES: Final = {"onnx": "train"}
"""Extras that bring a package, where it is not the extra gpu."""
_STATUS: Final = Path("/proc/self/status")
_FORGET_PEAK: Final = "5"  # proc(5), /proc/pid/clear_refs: reset the peak to what is resident now


@dataclass(frozen=True, slots=True)
class Subject:
    """Say what is measured.

    Attributes:
        title: What the table calls it.
        way: ``gateway``: through tiles and the batching queue; ``whole`` and ``tiled``: see
            :mod:`models.bench.baselines`.
        card: Name of the restorer.
        engine: What runs it.
        width: Of the output, pixels.
        height: Of the output, pixels.
        in_flight: Images that are restored at the same time.
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
    """Hold what was measured.

    Attributes:
        seconds: Per image, one number for each repetition.
        pixels: Of one output.
        peak_mib: Most memory, above that of the process without a network; None: not known here.
        fill: Share of the places in batches that held a tile, 0 to 1; None without batches.
    """

    seconds: tuple[float, ...]
    pixels: int
    peak_mib: float | None
    fill: float | None


def photograph(width: int, height: int) -> Pixels:
    """Make an image with structure at all sizes, as photographs have it, always the same.

    Args:
        width: Pixels.
        height: Pixels.

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
        # Amplitudes of natural images fall with frequency; 16 pixels and more have equal shares.
        total += (np.asarray(layer, np.int16) - 128) * min(cell, 16) // 48
        cell //= 2
    return np.asarray(np.clip(total, 0, 255), np.uint8)


def serve(subject: Subject, connection: Connection) -> None:
    """Measure whenever seconds arrive, until the other side has gone.

    What goes back is first nothing, once all is loaded, and then what was measured; or, at any
    time, the reason why it cannot be measured.

    Args:
        subject: What is measured.
        connection: To the other side.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, too, and goes
    try:
        with _prepared(subject) as measure:
            connection.send("")
            while True:
                connection.send(measure(connection.recv()))
    except EngineError as error:
        connection.send(str(error))
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = _PACKAGES.get(package, "gpu")
        connection.send(f"needs {package}: pip install 'slimgate[{extra}]'")
    except (EOFError, ConnectionError):
        return  # nobody listens any more


@contextmanager
def _prepared(subject: Subject) -> Iterator[Callable[[float], Measured]]:
    """Load the restorer, let it restore once, and give what measures it."""
    card = catalog.named(subject.card)
    scale = max(card.scales)
    image = photograph(subject.width // scale, subject.height // scale)
    _import(subject, card)
    idle = _idle_mib()
    with _loaded(subject, card) as (restorer, fill), _restoring(subject, restorer, image) as once:

        def measure(seconds: float) -> Measured:
            taken = [once()]
            while sum(taken) * subject.in_flight < seconds:
                taken.append(once())
            peak = None if idle is None else _status_mib("VmHWM") - idle
            return Measured(tuple(taken), image.size // 3 * scale**2, peak, fill())

        once()
        yield measure


@contextmanager
def _restoring(
    subject: Subject, restorer: Restorer, image: Pixels
) -> Iterator[Callable[[], float]]:
    """Give what restores as many images at a time as wanted, and tells the seconds per image."""
    scale = max(catalog.named(subject.card).scales)
    with ThreadPoolExecutor(subject.in_flight) as threads:

        def once() -> float:
            started = time.perf_counter()
            begun = [
                threads.submit(restorer.upscale, image, scale, level=_LEVEL)
                for _ in range(subject.in_flight)
            ]
            for each in begun:
                each.result()
            return (time.perf_counter() - started) / subject.in_flight

        yield once


def _import(subject: Subject, card: Card) -> None:
    """Import packages before idle memory is measured: they are no cost of an image."""
    on_torch = subject.way != "gateway" or subject.engine.backend == "torch"
    if on_torch and card.kind == "integer":
        import_module("models.formats.qdq")
    if subject.way != "gateway":
        import_module("models.bench.baselines")
    elif on_torch:
        import_module("models.engines.torch_integer")
    else:
        import_module("models.engines.openvino_engine")


@contextmanager
def _loaded(subject: Subject, card: Card) -> Iterator[tuple[Restorer, Callable[[], float | None]]]:
    """Give a restorer, and what tells how full its batches have been."""
    if subject.way != "gateway":
        from models.bench import baselines  # noqa: PLC0415  # torch is not part of the base package

        yield baselines.load(card, subject.engine, tiled=subject.way == "tiled"), lambda: None
        return
    restorers = Restorers(subject.engine, timeout_s=_TIMEOUT_S)
    try:
        yield restorers(card.hash), lambda: restorers.counters[card.hash].fill
    finally:
        restorers.close()


def _idle_mib() -> float | None:
    """Forget the peak so far, and give what is resident; None where the system cannot tell."""
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
