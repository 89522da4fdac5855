"""The index that the configuration asks for."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import structlog

from slimgate.config import Settings
from slimgate.gateway.storage.index.layered import LayeredIndex
from slimgate.gateway.storage.index.memory import MemoryIndex
from slimgate.gateway.storage.index.redis import RedisIndex
from slimgate.gateway.storage.index.sqlite import SqliteIndex
from slimgate.gateway.storage.listing_index import (
    Entry,
    IndexUnusable,
    Known,
    ListedObject,
    ListingIndex,
)
from slimgate.models.registry.fetch import cache_folder

_IN_MEMORY: Final = 1_000_000
"""Most entries in the memory of all gateway processes together: 180 MB."""

_log = structlog.get_logger(__name__)


def configured_index(settings: Settings) -> ListingIndex:
    """Return the index of a gateway process or a job."""
    index, store = settings.index, settings.upstream.endpoint
    in_memory = max(1, min(index.entries, _IN_MEMORY) // settings.processes)
    near: ListingIndex = MemoryIndex(in_memory)
    if index.kind == "sqlite":
        near = OrMemory(SqliteIndex(index_path(settings), store, index.entries), in_memory)
    if settings.cache.redis.url is None:
        return near
    return LayeredIndex(near, RedisIndex(settings.cache.redis, store, index.entries))


def index_path(settings: Settings) -> Path:
    """Return the file of the index, as configured or in the user's cache."""
    if settings.index.path is not None:
        return Path(settings.index.path)
    return cache_folder(os.environ) / "listing-index.sqlite"


def index_problems(settings: Settings) -> Iterator[str]:
    """Yield why the file of the index cannot be used, without touching it."""
    if settings.index.kind == "memory":
        return
    path = index_path(settings)
    if not _is_usable(path):
        yield f"the listing index {path} cannot be written: it will be in memory; set index.path"


def _is_usable(path: Path) -> bool:
    """Return whether a file can be read and written, or created with its folders."""
    try:
        nearest = next(each for each in (path, *path.parents) if each.exists())
        is_right = path.is_file() if nearest == path else nearest.is_dir()
    except OSError:  # in a folder that this user may not search, or no possible name
        return False
    return is_right and os.access(nearest, os.R_OK | os.W_OK)


class OrMemory:
    """An index in a file, or in memory if the file cannot be used.

    Args:
        index: The index in a file.
        max_entries: Most entries in memory.
    """

    def __init__(self, index: ListingIndex, max_entries: int) -> None:
        self._index = index
        self._max_entries = max_entries

    async def open(self) -> None:
        """Open the file, or begin an index in memory."""
        try:
            await self._index.open()
        except IndexUnusable as error:
            _log.warning("listing index in memory only", reason=str(error))
            await self._index.close()
            self._index = MemoryIndex(self._max_entries)

    async def close(self) -> None:
        """Release all resources."""
        await self._index.close()

    async def get(self, bucket: str, page: Sequence[ListedObject]) -> list[Known | None]:
        """Look up all objects of a page."""
        return await self._index.get(bucket, page)

    async def put(self, bucket: str, entries: Sequence[Entry]) -> None:
        """Store entries."""
        await self._index.put(bucket, entries)
