"""The folder of a report: rows are appended during the run, and a killed run can continue."""

import fcntl
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from slimgate.eval.compare import rows
from slimgate.eval.compare.image_strategies import LATER
from slimgate.eval.compare.rows import ROWS, STUDY, BrokenResult, Row, Study
from slimgate.eval.compare.strategies import POLICY, STRATEGIES
from slimgate.eval.run.work import RENDITIONS

SUMMARY: Final = "summary.json"
"""File whose presence marks a run as finished."""

OUTPUTS: Final = (SUMMARY, ROWS, STUDY, "results.csv", "report.html", "recommended-policy.yaml")
"""Files that a run writes, the one that marks it as finished first."""

_SAME: Final = ("corpus", "policy", "seed", "versions")
"""What must match for a run to continue with the rows of another."""

_EARLY: Final = frozenset(strategy.name for strategy in STRATEGIES) - LATER


class BadOutput(Exception):
    """The folder is not usable; the message says why, and what to do."""


class Journal:
    """Rows of a run, written to disk when their image is done.

    Args:
        folder: folder of the report.
        file: file of rows, opened for appending.
        found: rows of an interrupted run.
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
        """Return the names of images that lack only the later strategies."""
        return frozenset(row.image for row in self.rows if row.strategy == POLICY)

    @property
    def late(self) -> frozenset[str]:
        """Return the names of images that are complete."""
        whole = {row.image for row in self.rows if row.strategy in LATER}
        return frozenset(whole | {r.image for r in self.of(POLICY) if not r.measured})

    def of(self, strategy: str) -> Iterator[Row]:
        """Yield the rows of one strategy."""
        return (row for row in self.rows if row.strategy == strategy)


@contextmanager
def opened(folder: Path, study: Study, *, force: bool) -> Iterator[Journal]:
    """Open the folder of a run, locked against other runs.

    Args:
        folder: created if missing; must be empty, or contain an interrupted run of the same study,
            which continues.
        study: study to run.
        force: remove existing results.

    Raises:
        BadOutput: the folder is not usable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = _prepared(folder, study, force=force)
        (folder / RENDITIONS).mkdir(exist_ok=True)
        with (folder / ROWS).open("ab") as file:
            _lock(file, folder)
            yield Journal(folder, file, found)
    except FileExistsError as error:
        raise BadOutput(f"{folder} is a file; choose a folder with --out") from error
    except OSError as error:
        raise BadOutput(f"{error.filename or folder}: {error.strerror}") from error


def _prepared(folder: Path, study: Study, *, force: bool) -> list[Row]:
    """Return the rows of an interrupted run, or start over; never overwrite without `force`."""
    there = {path.name for path in folder.iterdir()}
    if force:
        _remove(folder)
    elif SUMMARY in there:
        raise BadOutput(f"{folder} contains a report; choose another folder, or add --force")
    elif STUDY in there:
        return _interrupted(folder, study)
    elif there:
        raise BadOutput(
            f"{folder} is not empty and contains no interrupted run; choose another folder, or add "
            "--force, which removes only earlier results"
        )
    study.save(folder)
    return []


def _interrupted(folder: Path, study: Study) -> list[Row]:
    try:
        before = rows.load(folder) if (folder / ROWS).exists() else study
    except BrokenResult as error:
        raise BadOutput(f"{error}, or add --force to start over") from error
    other = [name for name in _SAME if getattr(before, name) != getattr(study, name)]
    if other:
        raise BadOutput(
            f"{folder} contains an interrupted run with another {' and '.join(other)}; choose "
            "another "
            "folder, or add --force to start over"
        )
    whole = _whole(before.rows)
    partial = folder / f"{ROWS}.partial"
    partial.write_text("".join(f"{row.dumps()}\n" for row in whole))
    partial.replace(folder / ROWS)
    return whole


def _whole(found: Sequence[Row]) -> list[Row]:
    """Drop images with incomplete rows."""
    images: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        images[row.image].append(row)
    return [row for each in images.values() for row in _kept(each)]


def _kept(image: Sequence[Row]) -> Sequence[Row]:
    names = {row.strategy for row in image}
    if names == {POLICY}:
        # Complete if the file could not be measured; otherwise truncated.
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
        raise BadOutput(f"another run is writing into {folder}; wait for it, or stop it") from error
    os.lseek(file.fileno(), 0, os.SEEK_END)
