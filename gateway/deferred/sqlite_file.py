"""The file of the queue."""

import sqlite3
from pathlib import Path
from typing import Final

import structlog

from slimgate.gateway.handlers.deferring import QueueUnavailable
from slimgate.gateway.storage import database_file

_FORMAT: Final = database_file.Format(
    "queue",
    application=1936483697,  # "slfq" in ASCII
    version=1,
    # AUTOINCREMENT: a number is never used for another upload. The count is kept, since counting
    # takes as long as there are rows.
    tables="""
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
""",
    probe="SELECT count(*) FROM counts",
    busy_s=5.0,
)

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
        return database_file.opened(path, _FORMAT, _told)
    except (OSError, sqlite3.Error, database_file.ForeignFile) as error:
        raise QueueUnavailable(f"{path}: {error}") from error


def _told(target: Path, reason: str) -> None:
    hint = "slimgate job optimize finds the uploads that were queued"
    _log.error("deferred queue set aside", now=str(target), reason=reason, hint=hint)
