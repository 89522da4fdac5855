"""The log of a run: one JSON line per object, from which an interrupted run continues."""

import fcntl
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from gateway.jobs.listing import PAGES, Entry, Window
from gateway.jobs.outcome import FAILED, Outcome, Totals

_MAX_LINE: Final = 1 << 16
"""A key of 1,024 bytes takes at most 6,144 characters of JSON."""

_MAX_FAILED: Final = PAGES * 1000

Subject = dict[str, str | bool]
"""What a run is about: only the same run may continue from its log."""


class JournalError(Exception):
    """The log cannot be written or continued; the message says what to do."""


@dataclass(slots=True)
class Progress:
    """Progress of a run, as its log records it.

    Attributes:
        totals: Sums of outcomes.
        after: The listing is done up to this key.
        done: Later keys that are done.
        failed: Failed objects, to be retried.
    """

    totals: Totals = field(default_factory=Totals)
    after: str = ""
    done: set[str] = field(default_factory=set)
    failed: dict[str, Outcome] = field(default_factory=dict)

    def take(self, line: dict[str, object]) -> None:
        """Apply one line of the log.

        Raises:
            KeyError, TypeError, ValueError: It is not a line of such a log.
        """
        if line["event"] == "window":
            self.after = str(line["after"])
            self.done.clear()
        elif line["event"] == "object":
            self._take_object(str(line["key"]), _outcome(line))

    def _take_object(self, key: str, outcome: Outcome) -> None:
        earlier = self.failed.pop(key, None)
        if earlier is not None:
            self.totals.add(earlier, -1)
        self.totals.add(outcome)
        self.done.add(key)
        if outcome.verdict == FAILED:
            self.failed[key] = outcome
        if len(self.failed) > _MAX_FAILED:
            raise JournalError(
                f"more than {_MAX_FAILED:,} objects failed: start again with another --log"
            )


class Journal:
    """Write the log of a run, flushed line by line.

    Args:
        file: File open for appending.
        progress: What it already contains.
    """

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        self._file = file
        self.progress = progress
        self.totals = progress.totals

    @classmethod
    def begin(cls, path: Path, subject: Subject) -> Self:
        """Create a log.

        Raises:
            JournalError: The file exists, or cannot be created.
        """
        try:
            file = path.open("xb")
        except FileExistsError as error:
            hint = "continue with --resume, or choose another file with --log"
            raise JournalError(f"{path} already exists: {hint}") from error
        except OSError as error:
            raise JournalError(f"{path} cannot be written: {error.strerror}") from error
        _lock(file, path)
        journal = cls(file, Progress())
        journal._write({"event": "run", **subject})
        return journal

    @classmethod
    def resume(cls, path: Path, subject: Subject) -> Self:
        """Continue a log, dropping a torn last line.

        Raises:
            JournalError: The log does not exist, or belongs to another run.
        """
        progress, end = Progress(), 0
        try:
            file = path.open("r+b")
        except OSError as error:
            reason = f"{path} cannot be opened ({error.strerror})"
            raise JournalError(f"{reason}: omit --resume to start a new run") from error
        try:
            _lock(file, path)
            for line in _lines(file):
                if end == 0:
                    _check(line, subject, path)
                progress.take(line)
                end = file.tell()
        except (KeyError, TypeError, ValueError) as error:
            file.close()
            raise JournalError(
                f"{path} is damaged after byte {end}: start again with another --log"
            ) from error
        except JournalError:
            file.close()
            raise
        if end == 0:
            file.close()
            raise JournalError(f"{path} is empty: remove it and start again")
        file.truncate(end)
        file.seek(end)
        return cls(file, progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, key: str, outcome: Outcome) -> None:
        """Record the outcome of an object.

        Raises:
            OSError: The log cannot be written.
        """
        earlier = self.progress.failed.pop(key, None)
        if earlier is not None:
            self.totals.add(earlier, -1)
        self.totals.add(outcome)
        named = {name: value for name, value in outcome._asdict().items() if name != "detail"}
        self._write({"event": "object", "key": key, **named})

    def close_window(self, window: Window) -> None:
        """Record that everything up to the end of a window is done.

        Raises:
            OSError: The log cannot be written.
        """
        if window.last:
            self._write({"event": "window", "after": window.last, "passed": window.passed})

    def again(self) -> list[Entry]:
        """Return failed objects of completed windows, which will not be listed again."""
        # Listings are sorted by UTF-8 bytes.
        after, failed = _octets(self.progress.after), self.progress.failed.items()
        return [Entry(key, outcome.before) for key, outcome in failed if _octets(key) <= after]

    def is_done(self, key: str) -> bool:
        """Return whether an object that is listed again is done."""
        return key in self.progress.done and key not in self.progress.failed

    def _write(self, line: dict[str, object]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._file.write(json.dumps({"time": now, **line}).encode() + b"\n")
        self._file.flush()


def _lines(file: IO[bytes]) -> Iterator[dict[str, object]]:
    """Yield all complete lines."""
    while (raw := file.readline(_MAX_LINE)).endswith(b"\n"):
        line = json.loads(raw)
        if not isinstance(line, dict):
            raise TypeError("not an object")
        yield line
    if len(raw) >= _MAX_LINE:
        raise ValueError("a line without an end")


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise JournalError(f"{path} is in use by another run") from error


def _octets(key: str) -> bytes:
    return key.encode(errors="surrogateescape")


def _check(line: dict[str, object], subject: Subject, path: Path) -> None:
    about = {name: line.get(name) for name in subject}
    if line.get("event") != "run" or about != subject:
        raise JournalError(f"{path} is the log of another run: choose the right one with --log")


def _outcome(line: dict[str, object]) -> Outcome:
    before, after = line["before"], line["after"]
    if not isinstance(before, int) or not isinstance(after, int):
        raise TypeError("sizes are whole numbers")
    label = str(line.get("label", ""))  # logs of earlier versions have none
    return Outcome(str(line["verdict"]), before, after, str(line["reason"]), label)
