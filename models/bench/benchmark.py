"""Compare a restorer, as the gateway runs it, with the same network in float32 torch."""

from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median
from typing import Final, Literal

from tqdm import tqdm

from config import Engine
from models.bench.measuring import Measuring
from models.bench.measuring_worker import Measured, Subject
from models.engine.network import CannotRun
from models.registry.cards import Card

_ROUNDS: Final = 5
"""All take turns so often: a slow moment of the machine hits them alike."""
_TOGETHER: Final = 4
"""Images at a time: about as many as a gateway with four workers restores."""
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
    """Measure a restorer and what it is compared with, in turn.

    Args:
        card: Which one.
        backend: The engine of the gateway that runs it.
        size: Width and height of the output, pixels; rounded down to multiples of its scale.
        seconds: How long each of them is measured.
        threads: Most threads of each; 0: as many as there are cores.

    Returns:
        A table, with the reasons why something could not be measured below it.

    Raises:
        CannotRun: The restorer itself does not run here; says what to install.
    """
    if not card.is_network:
        raise CannotRun(f"{card.name} is no network; python -m models list shows those that are")
    engine = Engine(backend=backend, threads=threads)
    measured, problems = _measured(_subjects(card, engine, size), seconds)
    if not any(subject.way == "gateway" for subject in measured):
        raise CannotRun("\n".join(problems))
    heading = f"{card.name} on {backend}, output {size[0]}x{size[1]}\n\n"
    notes = [f"SPEED: against {_REFERENCE}; MiB above idle: memory of the process.", *problems]
    return heading + table(measured) + "\n" + "".join(f"{note}\n" for note in notes)


def _subjects(card: Card, engine: Engine, size: tuple[int, int]) -> list[Subject]:
    width, height = size
    name = card.name
    title = f"slimgate, {engine.backend}"
    return [
        Subject(f"{title}, one image", "gateway", name, engine, width, height),
        Subject(f"{title}, {_TOGETHER} images", "gateway", name, engine, width, height, _TOGETHER),
        Subject(_REFERENCE, "whole", name, engine, width, height),
        Subject("torch float32, tile by tile", "tiled", name, engine, width, height),
    ]


def _measured(
    subjects: Sequence[Subject], seconds: float
) -> tuple[dict[Subject, Measured], list[str]]:
    """Measure all of them that can be, and tell why the others cannot."""
    problems = []
    taken: dict[Subject, list[Measured]] = {}
    steps = len(subjects) * (_ROUNDS + 1)
    with ExitStack() as stack, tqdm(total=steps, leave=False, disable=None) as bar:
        running = {each: stack.enter_context(Measuring(each)) for each in subjects}
        for number in range(_ROUNDS + 1):
            for subject, process in list(running.items()):
                bar.set_description(subject.title)
                try:
                    if number:
                        taken.setdefault(subject, []).append(process.run(seconds / _ROUNDS))
                    else:
                        process.prepare()
                except CannotRun as error:
                    problems.append(f"{subject.title}: {error}")
                    del running[subject]
                bar.update()
    return {subject: _joined(taken[subject]) for subject in running}, problems


def _joined(rounds: Sequence[Measured]) -> Measured:
    """Sum up all rounds; memory and fill of the last one are those since the start."""
    last = rounds[-1]
    seconds = tuple(each for part in rounds for each in part.seconds)
    return Measured(seconds, last.pixels, last.peak_mib, last.fill)


def table(measured: dict[Subject, Measured]) -> str:
    """Show what was measured, one subject a line; times are medians."""
    reference = next((each for subject, each in measured.items() if subject.way == "whole"), None)
    rows = [_TITLES]
    for subject, each in measured.items():
        speed = each.pixels / median(each.seconds)
        rows.append(
            (
                subject.title,
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
