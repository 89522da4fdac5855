"""Download published weights once, and verify them.

An interrupted download continues, even in a later process. A file gets its name only after its
digest was verified, so several processes may download at the same time.
"""

import fcntl
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from slimgate.models.registry.catalog import Download
from slimgate.models.registry.transfer import Interrupted, Refused, open_at

_CHUNK: Final = 1 << 16

Report = Callable[[int], None]
"""Callback for progress, with the number of bytes so far."""


class FetchFailed(Exception):
    """A download failed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """Limits of retrying.

    Attributes:
        timeout_s: idle timeout of the server, seconds.
        total_s: timeout of one file, seconds.
        attempts: consecutive connections without progress.
        pause_s: pause between connections, seconds.
    """

    timeout_s: float = 30.0
    total_s: float = 3600.0
    attempts: int = 5
    pause_s: float = 1.0


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of fetched files: slimgate in the user's cache."""
    base = environ.get("XDG_CACHE_HOME")  # its specification demands an absolute path
    return (
        Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    ) / "slimgate"


def find(download: Download, folder: Path) -> Path:
    """Return a previously fetched file, without network access.

    Raises:
        FetchFailed: the file is missing, or has another digest; it is not deleted.
    """
    path = folder / download.file
    try:
        if digest(path) == download.sha256:
            return path
    except FileNotFoundError as error:
        raise FetchFailed(
            f"{path} is missing; download {download.url} and save it there"
        ) from error
    except OSError as error:
        raise FetchFailed(f"{path} cannot be read: {error.strerror}") from error
    raise FetchFailed(f"{path} differs from {download.url} (SHA-256); remove it")


def fetch(
    download: Download,
    folder: Path,
    *,
    patience: RetryLimits = RetryLimits(),
    report: Report = lambda _: None,
) -> Path:
    """Download a file into a folder, unless it is there.

    Args:
        download: file to download.
        folder: destination, created if missing.
        patience: limits of retrying.
        report: progress callback.

    Returns:
        Path of the verified file.

    Raises:
        FetchFailed: the download failed, or its digest is wrong (the file is then removed).
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
    """Return the SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Lock out other processes that fetch the same file; the lock ends with the process."""
    with lock.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _complete(download: Download, part: Path, patience: RetryLimits, report: Report) -> None:
    """Reconnect until the file is complete."""
    deadline = time.monotonic() + patience.total_s
    futile = 0
    with part.open("ab+") as file:
        while (before := file.seek(0, 2)) < download.size:
            reason = _append(download, file, patience.timeout_s, deadline, report)
            futile = 0 if file.seek(0, 2) > before else futile + 1
            if futile >= patience.attempts or time.monotonic() > deadline:
                raise Refused(
                    f"{reason}; received {file.tell()} of {download.size} bytes: try again"
                )
            if futile:
                time.sleep(patience.pause_s)


def _append(
    download: Download, file: BinaryIO, timeout_s: float, deadline: float, report: Report
) -> str:
    """Append the data of one connection; return why it ended."""
    try:
        with open_at(download.url, file.seek(0, 2), timeout_s=timeout_s) as (answer, start):
            file.truncate(start)
            while time.monotonic() < deadline and (chunk := answer(_CHUNK)):
                file.write(chunk)
                report(file.tell())
                if file.tell() > download.size:
                    file.truncate(0)
                    raise Refused(f"it is larger than {download.size} bytes, so it is another file")
    except Interrupted as error:
        return str(error)
    return "the connection ended"


def _verify(download: Download, part: Path) -> None:
    found = digest(part)
    if found != download.sha256:
        part.unlink()
        raise Refused(
            f"the download has SHA-256 {found}, not {download.sha256}, and was removed: "
            "try again; if this repeats, do not trust the server"
        )
