"""Compare a restorer, as the gateway runs it, with the same network in float32 torch."""

from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median
from typing import Final, Literal

from tqdm import tqdm

from slimgate.config import Engine
from slimgate.models.bench.benchmark_process import BenchmarkProcess
from slimgate.models.bench.benchmark_worker import Contender, Measured
from slimgate.models.engine.network import CannotRun
from slimgate.models.registry.cards import Card

_ROUNDS: Final = 5
"""Number of rounds: contenders alternate, so that slow moments of the machine affect all."""
_TOGETHER: Final = 4
"""Concurrent images: about as many as a gateway with four workers restores."""
_REFERENCE: Final = "torch float32, whole image"
_TITLES: Final = ("RESTORER", "MP/s", "ms per 512x512", "MiB above idle", "BATCH FILL", "SPEED")
_SQUARE: Final = 512 * 512


def run(
    card: Card,
    backend: Literal["openvino", "torch"],
    *,
    size: tuple[int, int],
    seconds: float,
    threads: int,
) -> str:
    """Benchmark a restorer and its baselines, alternating.

    Args:
        card: card of the restorer.
        backend: engine of the gateway.
        size: width and height of the output, pixels; rounded down to multiples of the scale.
        seconds: duration per contender.
        threads: maximum threads each; 0: one per core.

    Returns:
        A table, followed by the reasons of contenders that could not run.

    Raises:
        CannotRun: the restorer itself cannot run here; the message says what to install.
    """
    if not card.is_network:
        raise CannotRun(f"{card.name} is not a network; choose one from slimgate models list")
    engine = Engine(backend=backend, threads=threads)
    measured, problems = _measured(_contenders(card, engine, size), seconds)
    if not any(contender.way == "gateway" for contender in measured):
        raise CannotRun("\n".join(problems))
    heading = f"{card.name} on {backend}, output {size[0]}x{size[1]}\n\n"
    notes = [f"SPEED: relative to {_REFERENCE}; MiB above idle: memory of the process.", *problems]
    return heading + table(measured) + "\n" + "".join(f"{note}\n" for note in notes)


def _contenders(card: Card, engine: Engine, size: tuple[int, int]) -> list[Contender]:
    width, height = size
    name = card.name
    title = f"slimgate, {engine.backend}"
    return [
        Contender(f"{title}, one image", "gateway", name, engine, width, height),
        Contender(
            f"{title}, {_TOGETHER} images", "gateway", name, engine, width, height, _TOGETHER
        ),
        Contender(_REFERENCE, "whole", name, engine, width, height),
        Contender("torch float32, tile by tile", "tiled", name, engine, width, height),
    ]


def _measured(
    contenders: Sequence[Contender], seconds: float
) -> tuple[dict[Contender, Measured], list[str]]:
    """Measure all contenders; return why some could not run."""
    problems = []
    taken: dict[Contender, list[Measured]] = {}
    steps = len(contenders) * (_ROUNDS + 1)
    with ExitStack() as stack, tqdm(total=steps, leave=False, disable=None) as bar:
        running = {each: stack.enter_context(BenchmarkProcess(each)) for each in contenders}
        for number in range(_ROUNDS + 1):
            for contender, process in list(running.items()):
                bar.set_description(contender.title)
                try:
                    if number:
                        taken.setdefault(contender, []).append(process.run(seconds / _ROUNDS))
                    else:
                        process.prepare()
                except CannotRun as error:
                    problems.append(f"{contender.title}: {error}")
                    del running[contender]
                bar.update()
    return {contender: _joined(taken[contender]) for contender in running}, problems


def _joined(rounds: Sequence[Measured]) -> Measured:
    """Merge all rounds; memory and fill of the last round cover all."""
    last = rounds[-1]
    seconds = tuple(each for part in rounds for each in part.seconds)
    return Measured(seconds, last.pixels, last.peak_mib, last.fill)


def table(measured: dict[Contender, Measured]) -> str:
    """Return a table, one contender per line; times are medians."""
    reference = next(
        (each for contender, each in measured.items() if contender.way == "whole"), None
    )
    rows = [_TITLES]
    for contender, each in measured.items():
        speed = each.pixels / median(each.seconds)
        rows.append(
            (
                contender.title,
                f"{speed / 1e6:.2f}",
                f"{1e3 * _SQUARE / speed:.1f}",
                "-" if each.peak_mib is None else f"{each.peak_mib:.0f}",
                "-" if each.fill is None else f"{each.fill:.2f}",
                "-"
                if reference is None
                else f"{median(reference.seconds) * speed / each.pixels:.2f}x",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(
        "  ".join([first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]) + "\n"
        for first, *others in rows
    )
