"""Fetch published weights: from where their authors publish them, once, and nothing but them.

What is interrupted goes on where it ended, in the same process or in a later one. A file appears
under its name only when its digest has been verified, so that several processes may fetch at once.
"""

import fcntl
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from models.registry.catalog import Download
from models.registry.transfer import Interrupted, Refused, open_at

_CHUNK: Final = 1 << 16

Report = Callable[[int], None]
"""Told how many bytes are there."""


class FetchFailed(Exception):
    """A file of weights could not be had; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long it is tried.

    Attributes:
        timeout_s: Longest silence of the server.
        total_s: Longest time for one file.
        attempts: How often in a row a connection may bring nothing.
        pause_s: Before another connection is made.
    """

    timeout_s: float = 30.0
    total_s: float = 3600.0
    attempts: int = 5
    pause_s: float = 1.0


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Tell where fetched files are kept: the folder slimgate in the user's cache."""
    base = environ.get("XDG_CACHE_HOME")  # has to be absolute, by its specification
    return (
        Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    ) / "slimgate"


def find(download: Download, folder: Path) -> Path:
    """Find a file that somebody has put into a folder, without any connection.

    Raises:
        FetchFailed: It is not there, or it is another file; it is left alone.
    """
    path = folder / download.file
    try:
        if digest(path) == download.sha256:
            return path
    except FileNotFoundError as error:
        raise FetchFailed(
            f"{path} is not there; get it from {download.url} and put it there"
        ) from error
    except OSError as error:
        raise FetchFailed(f"{path} cannot be read: {error.strerror}") from error
    raise FetchFailed(f"{path} is another file than {download.url}: its SHA-256 differs; remove it")


def fetch(
    download: Download,
    folder: Path,
    *,
    patience: Patience = Patience(),
    report: Report = lambda _: None,
) -> Path:
    """Make sure that a file is in a folder.

    Args:
        download: What is wanted.
        folder: Where it goes; made if it is not there.
        patience: How long it is tried.
        report: Told how many bytes are there, again and again.

    Returns:
        The file, verified.

    Raises:
        FetchFailed: It could not be had, or what came is another file, which was removed.
    """
    target = folder / download.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{download.file}.lock"):
            if target.exists() and digest(target) == download.sha256:
                return target
            part = folder / f"{download.file}.part"
            _complete(download, part, patience, report)
            _verify(download, part)
            part.replace(target)
    except Refused as error:
        raise FetchFailed(f"{download.url}: {error}") from error
    except OSError as error:
        raise FetchFailed(f"{target} cannot be written: {error.strerror}") from error
    return target


def digest(path: Path) -> str:
    """Compute the SHA-256 of a file: 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process fetches the same; the lock ends with the process, too."""
    with lock.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _complete(download: Download, part: Path, patience: Patience, report: Report) -> None:
    """Connect again and again until everything is there."""
    deadline = time.monotonic() + patience.total_s
    futile = 0
    with part.open("ab+") as file:
        while (before := file.seek(0, 2)) < download.size:
            reason = _append(download, file, patience.timeout_s, deadline, report)
            futile = 0 if file.seek(0, 2) > before else futile + 1
            if futile >= patience.attempts or time.monotonic() > deadline:
                raise Refused(
                    f"{reason}; {file.tell()} of {download.size} bytes are there: try again"
                )
            if futile:
                time.sleep(patience.pause_s)


def _append(
    download: Download, file: BinaryIO, timeout_s: float, deadline: float, report: Report
) -> str:
    """Take what one connection gives; return why it ended."""
    try:
        with open_at(download.url, file.seek(0, 2), timeout_s=timeout_s) as (answer, start):
            file.truncate(start)
            while time.monotonic() < deadline and (chunk := answer(_CHUNK)):
                file.write(chunk)
                report(file.tell())
                if file.tell() > download.size:
                    file.truncate(0)
                    raise Refused(f"it has more than {download.size} bytes, so it is another file")
    except Interrupted as error:
        return str(error)
    return "the connection ended"


def _verify(download: Download, part: Path) -> None:
    found = digest(part)
    if found != download.sha256:
        part.unlink()
        raise Refused(
            f"what came has the SHA-256 {found}, not {download.sha256}; it was removed: "
            "try again, and do not use what is there if it comes once more"
        )
