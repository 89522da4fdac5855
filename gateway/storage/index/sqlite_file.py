"""The file of the index: opened, or set aside if it is damaged or something else."""

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final

import structlog

from slimgate.gateway.storage.listing_index import IndexUnusable

_APPLICATION: Final = 1936484728  # "slix" in ASCII
_VERSION: Final = 1
_BUSY_S: Final = 2.0
_SET_ASIDE: Final = 10
"""Most files that are set aside; then the index is not on disk."""

_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE buckets (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE entries (
    bucket INTEGER NOT NULL, name TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 0), entries INTEGER NOT NULL,
    hand_bucket INTEGER NOT NULL, hand_name TEXT NOT NULL
);
INSERT INTO state VALUES (0, 0, 0, '');
PRAGMA user_version = 1;
PRAGMA application_id = 1936484728;
COMMIT;
"""

_log = structlog.get_logger(__name__)


def opened(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """Open the file, creating it if necessary.

    Args:
        path: A file on a local disk.

    Returns:
        Connections for reading and for writing; each for one thread at a time.

    Raises:
        IndexUnusable: The file can be neither opened nor set aside.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _connections(path)
        except (sqlite3.DatabaseError, _Foreign) as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            set_aside(path, _inode(path), str(error))
        return _connections(path)
    except (OSError, sqlite3.Error, _Foreign) as error:
        raise IndexUnusable(f"{path}: {error}") from error


def set_aside(path: Path, inode: int | None, reason: str) -> None:
    """Rename the file, unless another process has done so already.

    Args:
        path: The file.
        inode: Of the file that is meant.
        reason: For the log.

    Raises:
        OSError: It cannot be renamed.
    """
    if inode is None or _inode(path) != inode:
        return
    target = _free_name(path)
    path.rename(target)
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    _log.warning("listing index set aside", file=str(path), now=str(target), reason=reason)


def inode_of(path: Path) -> int | None:
    """Return what tells a file from another of the same name; None: there is none."""
    return _inode(path)


class _Foreign(Exception):
    """The file has other tables."""


def _connections(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    # Names of keys are nobody else's business.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(contextlib.closing(_connect(path)))
        if not _is_ours(writer):
            _create(writer)
        reader = stack.enter_context(contextlib.closing(_connect(path)))
        reader.execute("SELECT entries FROM state").fetchone()
        stack.pop_all()
    return reader, writer


def _connect(path: Path) -> sqlite3.Connection:
    made = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        made.execute("PRAGMA cache_size = -8192")  # KiB
        # A power failure loses the last entries, but does not damage the file.
        made.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        made.close()
        raise
    return made


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Return whether the file is an index; False: it is empty.

    Raises:
        _Foreign: It is something else.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) == (_APPLICATION, _VERSION):
        return True
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application or version or tables:
        raise _Foreign(f"application {application:#x}, version {version}: not this index")
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


def _free_name(path: Path) -> Path:
    for number in range(_SET_ASIDE):
        name = path.with_name(f"{path.name}.set-aside-{number}")
        if not name.exists():
            return name
    raise OSError(f"{_SET_ASIDE} files are set aside already: remove {path.name}.set-aside-*")


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
