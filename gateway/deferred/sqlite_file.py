"""The file of the queue: opened, or set aside if it is damaged."""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

from slimgate.gateway.handlers.deferring import QueueUnavailable

_VERSION: Final = 1
_APPLICATION: Final = 1936483697  # "slfq" in ASCII
_BUSY_S: Final = 5.0
_SET_ASIDE: Final = 10
"""Most files that are set aside; then the queue cannot be used."""

# AUTOINCREMENT: a number is never used for another upload. The count is kept, since counting takes
# as long as there are rows.
_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT, store TEXT NOT NULL, upload TEXT NOT NULL,
    owner TEXT, due REAL NOT NULL, added REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX uploads_due ON uploads (store, due);
CREATE INDEX uploads_owner ON uploads (owner) WHERE owner IS NOT NULL;
CREATE INDEX uploads_added ON uploads (store, added);
CREATE TABLE counts (store TEXT PRIMARY KEY, uploads INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER upload_added AFTER INSERT ON uploads BEGIN
    INSERT INTO counts VALUES (NEW.store, 1) ON CONFLICT DO UPDATE SET uploads = uploads + 1;
END;
CREATE TRIGGER upload_removed AFTER DELETE ON uploads BEGIN
    UPDATE counts SET uploads = uploads - 1 WHERE store = OLD.store;
END;
PRAGMA user_version = 1;
PRAGMA application_id = 1936483697;
COMMIT;
"""

_log = structlog.get_logger(__name__)


def opened(path: Path) -> sqlite3.Connection:
    """Open the file, creating it if necessary.

    Args:
        path: A file on a local disk.

    Returns:
        A connection for one thread at a time.

    Raises:
        QueueUnavailable: The file can be neither opened nor set aside.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            return _connection(path)
        except (sqlite3.DatabaseError, _Foreign) as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
        with _alone(path):
            return _connection_of_new(path)
    except (OSError, sqlite3.Error, _Foreign) as error:
        raise QueueUnavailable(f"{path}: {error}") from error


class _Foreign(Exception):
    """The file has other tables."""


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time set the file aside: the next one must find the new file."""
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _connection_of_new(path: Path) -> sqlite3.Connection:
    try:
        return _connection(path)
    except (sqlite3.DatabaseError, _Foreign) as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        _set_aside(path, str(error))
    return _connection(path)


def _connection(path: Path) -> sqlite3.Connection:
    # Names of keys may be confidential.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(
            contextlib.closing(
                sqlite3.connect(
                    path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
                )
            )
        )
        if not _is_ours(made):
            _create(made)
        made.execute("SELECT count(*) FROM counts").fetchone()
        stack.pop_all()
    return made


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Return whether the file is a queue; False: it is empty.

    Raises:
        _Foreign: It is something else.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) == (_APPLICATION, _VERSION):
        return True
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application or version or tables:
        raise _Foreign(f"application {application:#x}, version {version}: not this queue")
    return False


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    try:
        connection.executescript(_SCHEMA)
    except sqlite3.OperationalError:
        # Another process has created it at the same time.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if not _is_ours(connection):
            raise


def _set_aside(path: Path, reason: str) -> None:
    names = (path.with_name(f"{path.name}.set-aside-{n}") for n in range(_SET_ASIDE))
    target = next((name for name in names if not name.exists()), None)
    if target is None:
        raise OSError(f"{_SET_ASIDE} files are set aside already: remove {path.name}.set-aside-*")
    # Before the file: the next one of this name has a log of its own, and another program may need
    # what the log of its file holds.
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{target}{suffix}")
    path.rename(target)
    _log.error(
        "deferred queue set aside",
        file=str(path),
        now=str(target),
        reason=reason,
        hint="slimgate job optimize finds the uploads that were queued",
    )
