"""SQLite files of the gateway: opened, or set aside if they are damaged or something else."""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

_MOST_SET_ASIDE: Final = 10
"""Files of one name that are set aside; then there is no new one."""


class ForeignFile(Exception):
    """The file is one of another program or version."""


class Format(NamedTuple):
    """What a file holds.

    Attributes:
        name: For messages.
        application: Application id of SQLite files.
        version: Version of the tables.
        tables: Statements that create them.
        probe: Statement that fails if they are damaged.
        busy_s: Longest wait for another process that writes, seconds.
        settings: Statements for each connection.
    """

    name: str
    application: int
    version: int
    tables: str
    probe: str
    busy_s: float
    settings: tuple[str, ...] = ()


SetAside = Callable[[Path, str], None]
"""Told the new name of a file that was set aside, and the reason."""


def opened(path: Path, format_: Format, told: SetAside) -> sqlite3.Connection:
    """Open a file, creating it if necessary; what cannot be used is set aside before.

    Args:
        path: A file on a local disk; only its owner may read it.
        format_: What it holds.
        told: Called if a file is set aside.

    Returns:
        A connection in autocommit mode, for one thread at a time.

    Raises:
        OSError, sqlite3.Error, ForeignFile: The file can be neither opened nor set aside.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _connection(path, format_)
    except (sqlite3.DatabaseError, ForeignFile) as error:
        _check_unusable(error)
    with _alone(path):
        # Another process may have begun a new file meanwhile.
        try:
            return _connection(path, format_)
        except (sqlite3.DatabaseError, ForeignFile) as error:
            _check_unusable(error)
            told(_renamed(path), str(error))
        return _connection(path, format_)


def connect(path: Path, format_: Format) -> sqlite3.Connection:
    """Connect once more to a file that is open."""
    made = sqlite3.connect(
        path, timeout=format_.busy_s, isolation_level=None, check_same_thread=False
    )
    try:
        for each in format_.settings:
            made.execute(each)
    except BaseException:
        made.close()
        raise
    return made


def set_aside(path: Path, inode: int | None, reason: str, told: SetAside) -> None:
    """Rename a file, unless another process has done so already.

    Args:
        path: The file.
        inode: Of the file that is meant.
        reason: What is told.
        told: Called if the file is renamed.

    Raises:
        OSError: It cannot be renamed.
    """
    with _alone(path):
        if inode is not None and inode_of(path) == inode:
            told(_renamed(path), reason)


def inode_of(path: Path) -> int | None:
    """Return what tells a file from another of the same name; None: there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _check_unusable(error: Exception) -> None:
    """Raise an error again that says nothing about the file: a full disk, another that writes."""
    if isinstance(error, sqlite3.OperationalError):
        raise error


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time set the file aside: the next one must find the new file."""
    lock = path.with_name(f"{path.name}.lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _connection(path: Path, format_: Format) -> sqlite3.Connection:
    # Names of keys may be confidential.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(contextlib.closing(connect(path, format_)))
        if not _is_ours(made, format_):
            _create(made, format_)
        made.execute(format_.probe).fetchone()
        stack.pop_all()
    return made


def _is_ours(connection: sqlite3.Connection, format_: Format) -> bool:
    """Return whether the file holds the tables; False: it is empty.

    Raises:
        ForeignFile: It holds something else.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) == (format_.application, format_.version):
        return True
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application or version or tables:
        found = f"application {application:#x}, version {version}"
        raise ForeignFile(f"{found}: not this {format_.name}")
    return False


def _create(connection: sqlite3.Connection, format_: Format) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE; {format_.tables}"
            f"PRAGMA user_version = {format_.version};"
            f"PRAGMA application_id = {format_.application}; COMMIT;"
        )
    except sqlite3.OperationalError:
        # Another process has created it at the same time.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if not _is_ours(connection, format_):
            raise


def _renamed(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.set-aside-{n}") for n in range(_MOST_SET_ASIDE))
    target = next((name for name in names if not name.exists()), None)
    if target is None:
        raise OSError(
            f"{_MOST_SET_ASIDE} files are set aside already: remove {path.name}.set-aside-*"
        )
    # Before the file: the next one of this name has a log of its own, and another program may need
    # what the log of its file holds.
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{target}{suffix}")
    path.rename(target)
    return target
