"""Savings by day, bucket and tier in a SQLite file, which restarts and other processes leave alone.

Counts are kept in memory and added to the file every few seconds, so that requests never wait for
a disk. What cannot be written stays in memory, and is tried again.
"""

import asyncio
import os
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, NamedTuple

import structlog

from slimgate.gateway.telemetry.bucket_savings import MAX_BUCKETS, OTHERS

HistoryMode = Literal["optimize", "shadow"]

_FLUSH_S: Final = 10.0
_BUSY_S: Final = 2.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS saved (
    day TEXT NOT NULL, mode TEXT NOT NULL, bucket TEXT NOT NULL, tier TEXT NOT NULL,
    images INTEGER NOT NULL, uploaded INTEGER NOT NULL, stored INTEGER NOT NULL,
    PRIMARY KEY (day, mode, bucket, tier)
) WITHOUT ROWID
"""
_ADD: Final = """
INSERT INTO saved VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    images = images + excluded.images, uploaded = uploaded + excluded.uploaded,
    stored = stored + excluded.stored
"""

_log = structlog.get_logger(__name__)


class Key(NamedTuple):
    """What counts are kept by: UTC day (ISO 8601), mode, bucket and tier."""

    day: str
    mode: str
    bucket: str
    tier: str


class Saved(NamedTuple):
    """Images, and bytes as uploaded and as stored."""

    images: int
    uploaded: int
    stored: int


class SavingsHistory:
    """Count images that were stored as renditions, or would have been.

    Args:
        path: The file, on a local disk; None: counts are dropped.
        now: Returns the time, with its zone.
    """

    def __init__(
        self, path: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._path = None if path is None else Path(path)
        self._now = now
        self._pending: Counter[tuple[Key, str]] = Counter()
        self._known: set[str] = set()
        self._writing = asyncio.Lock()
        self._works = True

    @property
    def kept(self) -> bool:
        """Return whether there is a file."""
        return self._path is not None

    def note(
        self, bucket: str, tier: str, uploaded: int, stored: int, mode: HistoryMode = "optimize"
    ) -> None:
        """Count one image.

        Args:
            bucket: Its bucket; beyond ``MAX_BUCKETS`` all are counted together.
            tier: Tier of its rendition.
            uploaded: Size of the upload, bytes.
            stored: Size of the rendition, bytes.
            mode: Mode of its policy; ``shadow``: it would have been stored so.
        """
        if self._path is None:
            return
        if len(self._known) < MAX_BUCKETS:
            self._known.add(bucket)
        label = bucket if bucket in self._known else OTHERS
        key = Key(self._now().astimezone(UTC).date().isoformat(), mode, label, tier)
        self._pending.update(
            {(key, "images"): 1, (key, "uploaded"): uploaded, (key, "stored"): stored}
        )

    async def rows(self) -> Mapping[Key, Saved]:
        """Return all counts, those of other processes as of a few seconds ago.

        Raises:
            sqlite3.Error: The file cannot be read.
        """
        await self.flush()
        return {} if self._path is None else await asyncio.to_thread(_read, self._path)

    async def flush(self) -> None:
        """Add to the file what was counted since."""
        async with self._writing:
            taken, self._pending = self._pending, Counter()
            if self._path is None or not taken:
                return
            try:
                await asyncio.to_thread(_write, self._path, taken)
                self._works = True
            except (OSError, sqlite3.Error) as error:
                self._pending.update(taken)
                if self._works:
                    _log.error("savings not written", path=str(self._path), reason=str(error))
                self._works = False

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Write in the background, and a last time at the end."""
        task = asyncio.create_task(self._write_often())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.flush()

    async def _write_often(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            await self.flush()


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Names of buckets may be confidential.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection:
        connection.execute(_SCHEMA)
        yield connection


def _write(path: Path, taken: Mapping[tuple[Key, str], int]) -> None:
    rows = [
        (*key, *(taken[key, name] for name in Saved._fields))
        for key in dict.fromkeys(key for key, _ in taken)
    ]
    with _opened(path) as connection, connection:
        connection.executemany(_ADD, rows)


def _read(path: Path) -> Mapping[Key, Saved]:
    with _opened(path) as connection:
        rows = connection.execute("SELECT * FROM saved ORDER BY day").fetchall()
    return {Key(*row[:4]): Saved(*row[4:]) for row in rows}
