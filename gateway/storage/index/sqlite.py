"""The index in a file that all gateway processes and jobs of a host share."""

import asyncio
import json
import random
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import structlog

from slimgate.gateway.storage import database_file
from slimgate.gateway.storage.index import record, sqlite_file
from slimgate.gateway.storage.index.sqlite_writing import write
from slimgate.gateway.storage.listing_index import Entry, IndexUnusable, Known, ListedObject
from slimgate.gateway.telemetry import metrics

_GET: Final = """
SELECT name, record FROM json_each(?1) CROSS JOIN entries
WHERE bucket = (SELECT id FROM buckets WHERE name = ?2) AND entries.name = json_each.value
    AND typeof(record) = 'blob'
"""
_WARNING_PAUSE_S: Final = 60.0

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")


class _Open(NamedTuple):
    """An open file, with a thread for reading and one for writing."""

    reader: sqlite3.Connection
    writer: sqlite3.Connection
    inode: int | None


class SqliteIndex:
    """Hold entries in a SQLite database in WAL mode, on a local disk.

    Listings of several processes read at the same time; writes take turns. A file that turns out to
    be damaged is set aside, and a new one begun.

    Args:
        path: The file.
        store: URL of the store, since several may have buckets of one name.
        max_entries: Most entries in the file.
    """

    def __init__(self, path: Path, store: str, max_entries: int) -> None:
        self._path = path
        self._store = store
        self._max_entries = max_entries
        self._random = random.Random()  # noqa: S311  # no secret
        self._reading = ThreadPoolExecutor(1, "index-reader")
        self._writing = ThreadPoolExecutor(1, "index-writer")
        self._open: _Open | None = None
        self._reopening = asyncio.Lock()
        self._warned_at = float("-inf")

    async def open(self) -> None:
        """Open the file.

        Raises:
            IndexUnusable: It can be neither opened nor set aside.
        """
        self._open = await self._run(self._writing, self._opened)

    async def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            await self._run(self._reading, self._open.reader.close)
            await self._run(self._writing, self._open.writer.close)
            self._open = None
        self._reading.shutdown(wait=False)
        self._writing.shutdown(wait=False)

    async def get(self, bucket: str, page: Sequence[ListedObject]) -> list[Known | None]:
        """Look up all objects of a page, with one query."""
        opened, nothing = self._open, [None] * len(page)
        if opened is None or not page:
            return [*nothing]
        try:
            return await self._run(self._reading, _get, opened.reader, self._name(bucket), page)
        except sqlite3.Error as error:
            await self._failed(error, opened)
            return [*nothing]

    async def put(self, bucket: str, entries: Sequence[Entry]) -> None:
        """Store entries, in one transaction."""
        opened, records = self._open, _records(entries)
        if opened is None or not records:
            return
        try:
            stored = await self._run(
                self._writing, write, opened.writer, self._name(bucket), records, self._max_entries,
                self._random,
            )  # fmt: skip
            metrics.INDEX_ENTRIES.set(stored)
        except sqlite3.Error as error:
            await self._failed(error, opened)

    def _name(self, bucket: str) -> str:
        return f"{self._store} {bucket}"

    def _opened(self) -> _Open:
        return _Open(*sqlite_file.opened(self._path), database_file.inode_of(self._path))

    async def _failed(self, error: sqlite3.Error, opened: _Open) -> None:
        """Go on without the index now, and with a new file if this one is damaged."""
        metrics.INDEX_FAILURES.inc()
        loop = asyncio.get_running_loop()
        if loop.time() >= self._warned_at + _WARNING_PAUSE_S:
            self._warned_at = loop.time()
            _log.warning("listing index failed", file=str(self._path), reason=str(error))
        if isinstance(error, sqlite3.OperationalError) or not isinstance(
            error, sqlite3.DatabaseError
        ):
            return  # the disk is full, or another process writes: the file is as it was
        async with self._reopening:
            if self._open is opened:
                await self._begin_anew(opened, str(error))

    async def _begin_anew(self, opened: _Open, reason: str) -> None:
        self._open = None
        await self._run(self._reading, opened.reader.close)
        await self._run(self._writing, opened.writer.close)
        try:
            await self._run(self._writing, sqlite_file.set_aside, self._path, opened.inode, reason)
            self._open = await self._run(self._writing, self._opened)
        except (IndexUnusable, OSError) as error:
            _log.warning("listing index lost", file=str(self._path), reason=str(error))

    async def _run(
        self, thread: ThreadPoolExecutor, work: Callable[..., _T], *arguments: object
    ) -> _T:
        return await asyncio.get_running_loop().run_in_executor(thread, work, *arguments)


def _records(entries: Sequence[Entry]) -> list[tuple[str, bytes]]:
    """Return names and records of entries that a file can hold."""
    found = []
    for entry in entries:
        packed, name = record.packed(entry), record.name(entry.key, entry.version_id)
        if packed is not None and _is_text(name):
            found.append((name, packed))
    return found


def _get(
    connection: sqlite3.Connection, bucket: str, page: Sequence[ListedObject]
) -> list[Known | None]:
    wanted = [[name for name in record.names(listed) if _is_text(name)] for listed in page]
    distinct = sorted({name for names in wanted for name in names})
    rows = dict(connection.execute(_GET, (json.dumps(distinct), bucket)).fetchall())
    return [
        record.first_match(listed, [rows[name] for name in names if name in rows])
        for listed, names in zip(page, wanted, strict=True)
    ]


def _is_text(name: str) -> bool:
    """Return whether SQLite can hold a name: without NUL and lone surrogates."""
    if name.isascii():
        return "\0" not in name
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name
