"""Results of long runs as JSON lines, so that an interrupted run continues where it stopped."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from bench.contest import alone
from slimgate.models.engine.loading import LocalRestorers
from slimgate.models.training.pairs import SUFFIXES

Task = TypeVar("Task")

Line = dict[str, Any]
"""Result of one trial."""


def lines(path: Path) -> Iterator[Line]:
    """Yield the results in a file; a line that an interruption cut short is skipped."""
    for line in path.read_text().splitlines(keepends=True) if path.exists() else ():
        if line.endswith("\n"):
            yield json.loads(line)


def name(path: Path) -> str:
    """Return the name of an image: its class and file name."""
    return f"{path.parent.name}/{path.name}"


def spread(folder: Path, limit: int | None) -> list[Path]:
    """Return the images of a folder with one subfolder per class.

    Args:
        folder: folder.
        limit: images per class, at even distances; None: all.
    """
    found: list[Path] = []
    for kind in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(path for path in kind.iterdir() if path.suffix.lower() in SUFFIXES)
        count = min(limit or len(files), len(files))
        found += [files[index * len(files) // count] for index in range(count)]
    return found


@cache
def upscalers() -> LocalRestorers:
    """Return the restorers of this process, which uses one thread."""
    return alone()[1]


def run(
    trial: Callable[[Task], Sequence[Line]], todo: Sequence[Task], out: Path, jobs: int
) -> None:
    """Run trials in processes of their own, and append their results to a file as they finish.

    Args:
        trial: function of a module, for other processes.
        todo: its arguments.
        out: file of lines.
        jobs: number of processes.
    """
    end_line(out)
    with (
        out.open("a") as file,
        ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool,
    ):
        finished = as_completed([pool.submit(trial, task) for task in todo])
        for future in tqdm(finished, total=len(todo), disable=None):
            file.writelines(json.dumps(line) + "\n" for line in future.result())
            file.flush()


def end_line(path: Path) -> None:
    """Remove a last line that an interruption cut short."""
    if path.exists() and not (data := path.read_bytes()).endswith(b"\n"):
        path.write_bytes(data[: data.rfind(b"\n") + 1])
