"""The file of the index."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

import structlog

from slimgate.gateway.storage import database_file
from slimgate.gateway.storage.listing_index import IndexUnusable

_FORMAT: Final = database_file.Format(
    "index",
    application=1936484728,  # "slix" in ASCII
    version=1,
    tables="""
CREATE TABLE buckets (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE entries (
    bucket INTEGER NOT NULL, name TEXT NOT NULL, record BLOB NOT NULL, PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 0), entries INTEGER NOT NULL,
    hand_bucket INTEGER NOT NULL, hand_name TEXT NOT NULL
);
INSERT INTO state VALUES (0, 0, 0, '');
""",
    probe="SELECT entries FROM state",
    busy_s=2.0,
    settings=(
        "PRAGMA cache_size = -8192",  # KiB
        # A power failure loses the last entries, but does not damage the file.
        "PRAGMA synchronous = NORMAL",
    ),
)

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
        with contextlib.ExitStack() as stack:
            writer = database_file.opened(path, _FORMAT, _told)
            stack.enter_context(contextlib.closing(writer))
            reader = database_file.connect(path, _FORMAT)
            stack.pop_all()
    except (OSError, sqlite3.Error, database_file.ForeignFile) as error:
        raise IndexUnusable(f"{path}: {error}") from error
    return reader, writer


def set_aside(path: Path, inode: int | None, reason: str) -> None:
    """Rename the file, unless another process has done so already.

    Args:
        path: The file.
        inode: Of the file that is meant; see :func:`database_file.inode_of`.
        reason: For the log.

    Raises:
        OSError: It cannot be renamed.
    """
    database_file.set_aside(path, inode, reason, _told)


def _told(target: Path, reason: str) -> None:
    _log.warning("listing index set aside", now=str(target), reason=reason)
