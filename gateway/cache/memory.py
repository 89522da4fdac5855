"""Restored files that were asked for lately."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, NamedTuple, Protocol

from cachetools import TTLCache

_SWEEPS: Final = 16
"""How often, in the life of a file, the memory of those that are too old is freed."""


class CacheKey(NamedTuple):
    """What a restored file depends on: another rendition or restorer is another file.

    Attributes:
        bucket: Name of the bucket.
        key: Name of the object.
        version_id: Which version of it; empty where the bucket has none.
        stored_etag: ETag of the rendition in the bucket.
        restorer: What enlarges it; empty for nothing.
        sha256: Of the restored file, as the manifest promises it.
    """

    bucket: str
    key: str
    version_id: str
    stored_etag: str
    restorer: str
    sha256: str


class Cache(Protocol):
    """Keeps restored files, or does not: an entry may vanish at any time.

    No method raises; a cache that is out of order behaves like an empty one.
    """

    async def close(self) -> None:
        """Give back what it holds."""
        ...

    @property
    def held_bytes(self) -> int:
        """Give the bytes that it takes in the memory of this process."""
        ...

    async def get(self, key: CacheKey) -> bytes | None:
        """Give the file, or None."""
        ...

    async def put(self, key: CacheKey, data: bytes) -> None:
        """Keep the file, as far as there is room."""
        ...

    async def drop(self, bucket: str, keys: Collection[str]) -> None:
        """Forget all files of these objects: they were written to, or deleted."""
        ...

    def lease(self, key: CacheKey, size: int) -> AbstractAsyncContextManager[bytes | None]:
        """Wait while somebody else makes the file, and give it; None: make it in the block.

        Args:
            key: Which file.
            size: Its bytes.
        """
        ...


class MemoryCache:
    """Keep the most recently used files in this process.

    Args:
        max_bytes: Sum of the kept files; 0 keeps nothing. A file of more than a quarter of it is
            not kept: it would push out everything else.
        ttl_s: How long a file is kept at most, seconds.
    """

    def __init__(self, max_bytes: int, ttl_s: float) -> None:
        self._entries = _Files(max_bytes, ttl_s)
        self._timer: asyncio.TimerHandle | None = None

    async def close(self) -> None:
        """Forget everything."""
        self._entries.clear()
        if self._timer is not None:
            self._timer.cancel()

    @property
    def held_bytes(self) -> int:
        """Return the sum of what is kept, bytes."""
        return int(self._entries.currsize)

    async def get(self, key: CacheKey) -> bytes | None:
        """Return the file, or None; it counts as used now."""
        return self._entries.get(key)

    async def put(self, key: CacheKey, data: bytes) -> None:
        """Keep the file and drop the ones used longest ago."""
        if not self._entries.maxsize or len(data) * 4 > self._entries.maxsize:
            return
        self._entries[key] = data
        if self._timer is None:
            self._expire()

    async def drop(self, bucket: str, keys: Collection[str]) -> None:
        """Forget all files of these objects."""
        for key in keys:
            for entry in self._entries.of_object(bucket, key):
                self._entries.pop(entry, None)

    @asynccontextmanager
    async def lease(self, key: CacheKey, size: int) -> AsyncIterator[bytes | None]:
        """Return the file, or None; other processes do not know of this one."""
        del size
        yield await self.get(key)

    def _expire(self) -> None:
        """Free the memory of what is too old, and come back while there is anything."""
        self._entries.expire()
        self._timer = None
        if self._entries:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._entries.ttl / _SWEEPS, self._expire)


class _Files(TTLCache[CacheKey, bytes]):
    """Files by key, bounded by the sum of their bytes, and the keys by object."""

    def __init__(self, max_bytes: int, ttl_s: float) -> None:
        super().__init__(max_bytes, ttl_s, getsizeof=len)
        self._of_object: dict[tuple[str, str], set[CacheKey]] = {}

    def of_object(self, bucket: str, key: str) -> list[CacheKey]:
        """Return the keys of all files of one object."""
        return list(self._of_object.get((bucket, key), ()))

    def __setitem__(self, key: CacheKey, data: bytes) -> None:
        super().__setitem__(key, data)
        self._of_object.setdefault(key[:2], set()).add(key)

    def __delitem__(self, key: CacheKey) -> None:
        self._forget(key)
        super().__delitem__(key)

    def expire(self, time: float | None = None) -> list[tuple[CacheKey, bytes]]:
        """Remove and return what is too old; the base class calls it wherever that counts."""
        expired = super().expire(time)
        for key, _ in expired:
            self._forget(key)
        return expired

    def clear(self) -> None:
        """Remove everything."""
        super().clear()
        self._of_object.clear()

    def _forget(self, key: CacheKey) -> None:
        siblings = self._of_object[key[:2]]
        siblings.remove(key)
        if not siblings:
            del self._of_object[key[:2]]
