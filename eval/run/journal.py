"""The folder of a report: rows are added while images are measured, and a killed run goes on."""

import fcntl
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from eval.compare import rows
from eval.compare.comparing import LATER
from eval.compare.rows import ROWS, STUDY, BrokenResult, Row, Study
from eval.compare.strategies import POLICY, STRATEGIES
from eval.run.work import RENDITIONS

SUMMARY: Final = "summary.json"
"""Name of the file whose presence says that a run is finished."""

OUTPUTS: Final = (SUMMARY, ROWS, STUDY, "results.csv", "report.html", "recommended-policy.yaml")
"""Names of the files that a run writes, the one first that says it is finished."""

_SAME: Final = ("corpus", "policy", "seed", "versions")
"""What two runs must have in common for one to go on with the rows of the other."""

_EARLY: Final = frozenset(strategy.name for strategy in STRATEGIES) - LATER


class BadOutput(Exception):
    """The folder cannot be written into; the message says why, and what to do."""


class Journal:
    """Rows of a run, on disk as soon as their image is done.

    Args:
        folder: Where they are.
        file: Where they are written, at its end.
        found: What an interrupted run left.
    """

    def __init__(self, folder: Path, file: IO[bytes], found: Sequence[Row]) -> None:
        self.folder = folder
        self._file = file
        self.rows = list(found)

    def add(self, added: Sequence[Row]) -> None:
        """Write the rows of one image."""
        self._file.write("".join(f"{row.dumps()}\n" for row in added).encode())
        self._file.flush()
        self.rows += added

    @property
    def early(self) -> frozenset[str]:
        """Name the images that need nothing but what comes later."""
        return frozenset(row.image for row in self.rows if row.strategy == POLICY)

    @property
    def late(self) -> frozenset[str]:
        """Name the images that need nothing more."""
        whole = {row.image for row in self.rows if row.strategy in LATER}
        return frozenset(whole | {r.image for r in self.of(POLICY) if not r.measured})

    def of(self, strategy: str) -> Iterator[Row]:
        """Give the rows of one strategy."""
        return (row for row in self.rows if row.strategy == strategy)


@contextmanager
def opened(folder: Path, study: Study, *, force: bool) -> Iterator[Journal]:
    """Open the folder of a run; nobody else can meanwhile.

    Args:
        folder: Made where it does not exist. It must be empty, or hold an interrupted run of the
            same study, which goes on.
        study: What is to be measured.
        force: Whether results that are there are removed.

    Raises:
        BadOutput: It is not to be written into.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = _prepared(folder, study, force=force)
        (folder / RENDITIONS).mkdir(exist_ok=True)
        with (folder / ROWS).open("ab") as file:
            _lock(file, folder)
            yield Journal(folder, file, found)
    except FileExistsError as error:
        raise BadOutput(f"{folder} is a file; name a folder with --out") from error
    except OSError as error:
        raise BadOutput(f"{error.filename or folder}: {error.strerror}") from error


def _prepared(folder: Path, study: Study, *, force: bool) -> list[Row]:
    """Take over what is there, or begin anew; nothing is overwritten that was not asked for."""
    there = {path.name for path in folder.iterdir()}
    if force:
        _remove(folder)
    elif SUMMARY in there:
        raise BadOutput(f"{folder} holds a report; name another folder, or add --force")
    elif STUDY in there:
        return _interrupted(folder, study)
    elif there:
        raise BadOutput(
            f"{folder} is not empty and holds no interrupted run; name another folder, or add "
            "--force, which removes earlier results and nothing else"
        )
    study.save(folder)
    return []


def _interrupted(folder: Path, study: Study) -> list[Row]:
    try:
        before = rows.load(folder) if (folder / ROWS).exists() else study
    except BrokenResult as error:
        raise BadOutput(f"{error}, or add --force to begin anew") from error
    other = [name for name in _SAME if getattr(before, name) != getattr(study, name)]
    if other:
        raise BadOutput(
            f"{folder} holds an interrupted run with another {' and '.join(other)}; name another "
            "folder, or add --force to begin anew"
        )
    whole = _whole(before.rows)
    partial = folder / f"{ROWS}.partial"
    partial.write_text("".join(f"{row.dumps()}\n" for row in whole))
    partial.replace(folder / ROWS)
    return whole


def _whole(found: Sequence[Row]) -> list[Row]:
    """Leave out images of which only some rows were written."""
    images: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        images[row.image].append(row)
    return [row for each in images.values() for row in _kept(each)]


def _kept(image: Sequence[Row]) -> Sequence[Row]:
    names = {row.strategy for row in image}
    if names == {POLICY}:
        # All that there is, where a file could not be measured; else what was torn off.
        return [row for row in image if not row.measured]
    if not names >= _EARLY:
        return []
    return image if names >= LATER else [row for row in image if row.strategy in _EARLY]


def _remove(folder: Path) -> None:
    for name in OUTPUTS:
        (folder / name).unlink(missing_ok=True)
    if (folder / RENDITIONS).is_dir():
        shutil.rmtree(folder / RENDITIONS)


def _lock(file: IO[bytes], folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BadOutput(f"another run writes into {folder}; wait for it, or end it") from error
    os.lseek(file.fileno(), 0, os.SEEK_END)
