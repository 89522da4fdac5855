"""Recently used restored files."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, NamedTuple, Protocol

from cachetools import TTLCache

_SWEEPS: Final = 16
"""Sweeps of expired files within the lifetime of a file."""


FileContent = bytes | bytearray
"""A restored file; it does not change once it is whole."""


class CacheKey(NamedTuple):
    """Everything that a restored file depends on.

    Attributes:
        bucket: Bucket name.
        key: Object key.
        version_id: Object version; empty in an unversioned bucket.
        stored_etag: ETag of the rendition in the bucket.
        restorer: Content hash of the restorer; empty for none.
        sha256: SHA-256 of the restored file, from the manifest.
    """

    bucket: str
    key: str
    version_id: str
    stored_etag: str
    restorer: str
    sha256: str


class Cache(Protocol):
    """A cache of restored files; any entry may vanish at any time.

    No method raises: a broken cache behaves like an empty one.
    """

    async def close(self) -> None:
        """Release all resources."""
        ...

    @property
    def held_bytes(self) -> int:
        """Return the bytes held in the memory of this process."""
        ...

    async def get(self, key: CacheKey) -> FileContent | None:
        """Return the file, or None."""
        ...

    async def put(self, key: CacheKey, data: FileContent) -> None:
        """Store the file if it fits."""
        ...

    async def drop(self, bucket: str, keys: Collection[str]) -> None:
        """Drop all files of these objects, which were overwritten or deleted.

        Args:
            bucket: Bucket name.
            keys: Object keys; an empty one: anything of the bucket may have changed, but no file.
        """
        ...

    def lease(self, key: CacheKey, size: int) -> AbstractAsyncContextManager[FileContent | None]:
        """Return the file, waiting if another gateway restores it; None: restore it in the block.

        Args:
            key: The file.
            size: Its size, bytes.
        """
        ...


class MemoryCache:
    """Hold the most recently used files in this process.

    Args:
        max_bytes: Total size of the files; 0 disables the cache. Files larger than a quarter of it
            are not stored, since they would evict everything else.
        ttl_s: Longest lifetime of a file, seconds.
    """

    def __init__(self, max_bytes: int, ttl_s: float) -> None:
        self._entries = _Files(max_bytes, ttl_s)
        self._timer: asyncio.TimerHandle | None = None

    async def close(self) -> None:
        """Drop everything."""
        self._entries.clear()
        if self._timer is not None:
            self._timer.cancel()

    @property
    def held_bytes(self) -> int:
        """Return the total size of the files, bytes."""
        return int(self._entries.currsize)

    async def get(self, key: CacheKey) -> FileContent | None:
        """Return the file, or None, and mark it as used."""
        return self._entries.get(key)

    async def put(self, key: CacheKey, data: FileContent) -> None:
        """Store the file and evict the least recently used ones."""
        if not self._entries.maxsize or len(data) * 4 > self._entries.maxsize:
            return
        self._entries[key] = data
        if self._timer is None:
            self._expire()

    async def drop(self, bucket: str, keys: Collection[str]) -> None:
        """Drop all files of these objects."""
        for key in keys:
            for entry in self._entries.of_object(bucket, key):
                self._entries.pop(entry, None)

    @asynccontextmanager
    async def lease(self, key: CacheKey, size: int) -> AsyncIterator[FileContent | None]:
        """Return the file, or None; a memory cache does not wait for other processes."""
        del size
        yield await self.get(key)

    def _expire(self) -> None:
        """Drop expired files, and come back while any file is left."""
        self._entries.expire()
        self._timer = None
        if self._entries:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._entries.ttl / _SWEEPS, self._expire)


class _Files(TTLCache[CacheKey, FileContent]):
    """Files by key, bounded by their total size, and keys by object."""

    def __init__(self, max_bytes: int, ttl_s: float) -> None:
        super().__init__(max_bytes, ttl_s, getsizeof=len)
        self._of_object: dict[tuple[str, str], set[CacheKey]] = {}

    def of_object(self, bucket: str, key: str) -> list[CacheKey]:
        """Return the keys of all files of one object."""
        return list(self._of_object.get((bucket, key), ()))

    def __setitem__(self, key: CacheKey, data: FileContent) -> None:
        super().__setitem__(key, data)
        self._of_object.setdefault(key[:2], set()).add(key)

    def __delitem__(self, key: CacheKey) -> None:
        self._forget(key)
        super().__delitem__(key)

    def expire(self, time: float | None = None) -> list[tuple[CacheKey, FileContent]]:
        """Drop and return expired files; the base class calls it wherever that matters."""
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
