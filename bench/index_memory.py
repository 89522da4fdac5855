"""What a million entries of the listing index take: file, Redis and memory."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import psutil
from pydantic import SecretStr

from slimgate.config import RedisCacheSettings
from slimgate.gateway.s3.listing_xml import LogicalView
from slimgate.gateway.storage.index.memory import MemoryIndex
from slimgate.gateway.storage.index.redis import RedisIndex
from slimgate.gateway.storage.index.sqlite import SqliteIndex
from slimgate.gateway.storage.listing_index import Entry, ListedObject, ListingIndex, ObjectState
from tests.servers.redis import RedisServer

_ENTRIES: Final = 10**6
_PAGE: Final = 1000
_NOW: Final = 1_767_355_200
_STORE: Final = "http://store"


def lines(folder: Path) -> Iterator[str]:
    """Fill an index of each kind, and yield a line about it; a quarter of the entries is managed.

    Args:
        folder: for the file of the index.
    """
    yield f"\n{_ENTRIES:,} entries, keys of 36 characters, a quarter managed:"
    before = _rss()
    path = folder / "million.sqlite"
    put, got = asyncio.run(_timed(lambda: _opened(SqliteIndex(path, _STORE, 10 * _ENTRIES))))
    size = sum(each.stat().st_size for each in folder.glob("million.sqlite*"))
    yield _line("SQLite", f"{size / 1e6:.0f} MB on disk, RSS +{_rss() - before:.0f} MiB", put, got)
    with RedisServer(folder) as redis:
        settings = RedisCacheSettings(url=SecretStr(redis.url), timeout_ms=5000)
        empty = _used(redis)
        put, got = asyncio.run(_timed(lambda: _opened(RedisIndex(settings, _STORE, _ENTRIES))))
        known = f"{(_used(redis) - empty) / 1e6:.0f} MB in Redis"
        yield _line("Redis", known, put, got)
    before = _rss()
    put, got = asyncio.run(_timed(lambda: _opened(MemoryIndex(_ENTRIES)), about := [0.0]))
    yield _line("memory", f"RSS +{about[0] - before:.0f} MiB", put, got)


async def _opened(index: ListingIndex) -> ListingIndex:
    await index.open()
    return index


async def _timed(
    open_: Callable[[], Awaitable[ListingIndex]], rss: list[float] | None = None
) -> tuple[float, float]:
    """Return the time to store and to look up a page, median of all, milliseconds."""
    index = await open_()
    puts, gets = [], []
    for start in range(0, _ENTRIES, _PAGE):
        started = time.perf_counter()
        await index.put("bucket", [_entry(number) for number in range(start, start + _PAGE)])
        puts.append(time.perf_counter() - started)
    if rss is not None:
        rss[0] = _rss()
    known = 0
    for start in range(0, _ENTRIES, 10 * _PAGE):
        page = [ListedObject(_key(n), _etag(n), _NOW) for n in range(start, start + _PAGE)]
        started = time.perf_counter()
        found = await index.get("bucket", page)
        gets.append(time.perf_counter() - started)
        known += sum(each is not None for each in found)
    await index.close()
    print(f"  known: {known:,} of {10 * len(gets) * _PAGE // 10:,}")
    return 1e3 * sorted(puts)[len(puts) // 2], 1e3 * sorted(gets)[len(gets) // 2]


def _entry(number: int) -> Entry:
    view = LogicalView(3_000_000 + number, f"{_etag(number)}-1") if number % 4 == 0 else None
    state = ObjectState(_etag(number), "null", _NOW, _NOW, is_seen=True)
    return Entry(_key(number), None, state, view)


def _key(number: int) -> str:
    return f"photos/2026/{number // 1000:08}/{number:012}.jpg"[:36]


def _etag(number: int) -> str:
    return f"{number * 2654435761 % 2**128:032x}"


def _rss() -> float:
    return float(psutil.Process(os.getpid()).memory_info().rss) / 2**20


def _used(redis: RedisServer) -> int:
    text = redis.ask("info", "memory")
    return int(next(x for x in text.splitlines() if x.startswith("used_memory:")).split(":")[1])


def _line(kind: str, size: str, put: float, got: float) -> str:
    return f"{kind:<8} {size}; a page of {_PAGE:,}: stored in {put:.1f} ms, found in {got:.1f} ms"
