"""The queue in a file that all gateway processes of a host share."""

import asyncio
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from slimgate.config import Deferred
from slimgate.gateway.deferred import sqlite_file
from slimgate.gateway.deferred.queue import Claimed, Depth, dumps, loads
from slimgate.gateway.handlers.deferring import QueuedUpload, QueueUnavailable

_ADD: Final = "INSERT INTO uploads (store, upload, owner, due, added) VALUES (?, ?, ?, ?, ?)"
_DUE: Final = "SELECT 1 FROM uploads WHERE store = ? AND due <= ? LIMIT 1"
_CLAIM: Final = """
UPDATE uploads SET owner = ?, due = ?, attempts = attempts + 1
WHERE id = (SELECT id FROM uploads WHERE store = ? AND due <= ? ORDER BY due LIMIT 1)
RETURNING id, upload, added, attempts
"""
_SET: Final = "UPDATE uploads SET owner = NULL, due = ?, upload = ? WHERE id = ? AND owner = ?"
_LEAVE: Final = "UPDATE uploads SET owner = NULL, due = ? WHERE id = ? AND owner = ?"
_RENEW: Final = "UPDATE uploads SET due = ? WHERE owner = ?"
_REMOVE: Final = "DELETE FROM uploads WHERE id = ? AND owner = ?"
_COUNT: Final = "SELECT uploads FROM counts WHERE store = ?"
_OLDEST: Final = "SELECT min(added) FROM uploads WHERE store = ?"

_T = TypeVar("_T")
_Adding = tuple[QueuedUpload, "asyncio.Future[str | None]"]


class SqliteQueue:
    """Hold uploads in a SQLite database in WAL mode, on a local disk.

    An intent is on the disk once :meth:`intend` has returned, also after a power failure; intents
    that arrive while others are being written share one write. Other changes survive a crash of
    the gateway, and after a power failure are made again.

    Args:
        path: The file, opened when it is first needed.
        store: URL of the store, since gateways of several stores may share a file.
        settings: Lease, and most entries.
    """

    def __init__(self, path: Path, store: str, settings: Deferred) -> None:
        self._path = path
        self._store = store
        self._lease_s = settings.lease_s
        self._max_queued = settings.max_queued
        self._owner = uuid.uuid4().hex
        self._thread = ThreadPoolExecutor(1, "deferred-queue")
        self._connection: sqlite3.Connection | None = None
        self._adding: list[_Adding] = []
        self._adder: asyncio.Task[None] | None = None

    @property
    def is_begun(self) -> bool:
        """Return whether there is a file, perhaps with uploads of an earlier gateway."""
        return self._path.exists()

    async def open(self) -> None:
        """Open the file, creating it if necessary."""
        await self._run(lambda _: None)

    async def close(self) -> None:
        """Close the file."""
        if self._adder is not None:
            await self._adder
        if self._connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
            self._connection = None
        self._thread.shutdown(wait=False)

    async def intend(self, upload: QueuedUpload) -> str | None:
        """Note durably that an upload is about to be sent to the store."""
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._adding.append((upload, future))
        if self._adder is None:
            self._adder = asyncio.create_task(self._add_all())
        return await future

    async def confirm(self, token: str, upload: QueuedUpload) -> None:
        """Queue an upload that the store has accepted."""
        await self._run(lambda opened: self._confirm(opened, int(token), upload))

    async def withdraw(self, token: str) -> None:
        """Forget an upload that the store has refused."""
        await self._execute(_REMOVE, int(token), self._owner)

    async def leave(self, token: str) -> None:
        """Queue an upload of which it is unknown whether the store has accepted it."""
        await self._execute(_LEAVE, self._end, int(token), self._owner)

    async def claim(self) -> Claimed | None:
        """Return an entry that is due for this owner."""
        return await self._run(self._claim)

    async def renew(self) -> None:
        """Renew the lease of all entries of this owner."""
        await self._execute(_RENEW, self._end, self._owner)

    async def complete(self, claimed: Claimed) -> None:
        """Remove an entry that is processed."""
        await self._execute(_REMOVE, int(claimed.token), self._owner)

    async def retry(self, claimed: Claimed, pause_s: float) -> None:
        """Queue an entry again."""
        due = time.time() + pause_s
        await self._execute(_LEAVE, due, int(claimed.token), self._owner)

    async def depth(self) -> Depth:
        """Return how much is queued."""
        return await self._run(self._depth)

    @property
    def _end(self) -> float:
        """Return when a lease ends that begins now, Unix seconds."""
        return time.time() + self._lease_s

    async def _add_all(self) -> None:
        """Write intents until none is waiting."""
        while adding := self._adding:
            self._adding = []
            uploads = [upload for upload, _ in adding]
            try:
                tokens: Sequence[str | None] = await self._run(partial(self._add, uploads=uploads))
            except QueueUnavailable as error:
                for _, future in adding:
                    if not future.done():
                        future.set_exception(QueueUnavailable(str(error)))
                continue
            for (_, future), token in zip(adding, tokens, strict=True):
                if not future.done():
                    future.set_result(token)
                elif token is not None:  # its client has gone before anything was sent
                    with suppress(QueueUnavailable):
                        await self.withdraw(token)
        self._adder = None

    def _add(
        self, connection: sqlite3.Connection, uploads: Sequence[QueuedUpload]
    ) -> list[str | None]:
        connection.execute("PRAGMA synchronous = FULL")
        try:
            with _transaction(connection):
                room = max(0, self._max_queued - self._count(connection))
                now, end = time.time(), self._end
                ids = [
                    connection.execute(
                        _ADD, (self._store, dumps(upload), self._owner, end, now)
                    ).lastrowid
                    for upload in uploads[:room]
                ]
        finally:
            connection.execute("PRAGMA synchronous = NORMAL")
        return [*map(str, ids), *[None] * (len(uploads) - len(ids))]

    def _confirm(self, connection: sqlite3.Connection, id_: int, upload: QueuedUpload) -> None:
        text, now = dumps(upload), time.time()
        with _transaction(connection):
            known = connection.execute(_SET, (now, text, id_, self._owner)).rowcount
            if not known:  # its lease has ended, and others have taken it for a lost one
                connection.execute(_ADD, (self._store, text, None, now, now))

    def _claim(self, connection: sqlite3.Connection) -> Claimed | None:
        now = time.time()
        if connection.execute(_DUE, (self._store, now)).fetchone() is None:
            return None  # the usual case, without a lock
        with _transaction(connection):
            row = connection.execute(
                _CLAIM, (self._owner, now + self._lease_s, self._store, now)
            ).fetchone()
        if row is None:
            return None
        id_, text, added, attempts = row
        upload = loads(str(id_), text)
        if upload is None:
            connection.execute(_REMOVE, (id_, self._owner))
            return None
        return Claimed(str(id_), upload, added, attempts)

    def _count(self, connection: sqlite3.Connection) -> int:
        row = connection.execute(_COUNT, (self._store,)).fetchone()
        return 0 if row is None else int(row[0])

    def _depth(self, connection: sqlite3.Connection) -> Depth:
        (oldest,) = connection.execute(_OLDEST, (self._store,)).fetchone()
        age_s = 0.0 if oldest is None else max(0.0, time.time() - oldest)
        return Depth(self._count(connection), age_s)

    async def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        def run() -> _T:
            if self._connection is None:
                self._connection = sqlite_file.opened(self._path)
            return work(self._connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except sqlite3.Error as error:
            raise QueueUnavailable(f"{self._path}: {error}") from error

    async def _execute(self, statement: str, *values: object) -> None:
        await self._run(lambda connection: connection.execute(statement, values))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
