"""Restored files that were asked for lately."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, Protocol


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

    def turn(self, key: CacheKey, size: int) -> AbstractAsyncContextManager[bytes | None]:
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
        self._max_bytes = max_bytes
        self._ttl_s = ttl_s
        self._bytes = 0
        self._entries: OrderedDict[CacheKey, bytes] = OrderedDict()
        self._until: OrderedDict[CacheKey, float] = OrderedDict()  # the oldest first
        self._of_object: dict[tuple[str, str], set[CacheKey]] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def close(self) -> None:
        """Forget everything."""
        for key in list(self._entries):
            self._remove(key)
        if self._timer is not None:
            self._timer.cancel()

    @property
    def held_bytes(self) -> int:
        """Give the sum of what is kept, bytes."""
        return self._bytes

    async def get(self, key: CacheKey) -> bytes | None:
        """Give the file, or None; it counts as used now."""
        data = self._entries.get(key)
        if data is not None:
            self._entries.move_to_end(key)
        return data

    async def put(self, key: CacheKey, data: bytes) -> None:
        """Keep the file and drop the ones used longest ago."""
        if not self._max_bytes or len(data) * 4 > self._max_bytes:
            return
        self._remove(key)
        self._entries[key] = data
        self._bytes += len(data)
        self._until[key] = time.monotonic() + self._ttl_s
        self._of_object.setdefault(key[:2], set()).add(key)
        while self._bytes > self._max_bytes:
            self._remove(next(iter(self._entries)))
        if self._timer is None:
            self._expire()

    async def drop(self, bucket: str, keys: Collection[str]) -> None:
        """Forget all files of these objects."""
        for key in keys:
            for entry in list(self._of_object.get((bucket, key), ())):
                self._remove(entry)

    @asynccontextmanager
    async def turn(self, key: CacheKey, size: int) -> AsyncIterator[bytes | None]:
        """Give the file, or None; other processes do not know of this one."""
        del size
        yield await self.get(key)

    def _remove(self, key: CacheKey) -> None:
        data = self._entries.pop(key, None)
        if data is None:
            return
        self._bytes -= len(data)
        del self._until[key]
        siblings = self._of_object[key[:2]]
        siblings.remove(key)
        if not siblings:
            del self._of_object[key[:2]]

    def _expire(self) -> None:
        """Remove what is too old, and come back when the next one is."""
        now, self._timer = time.monotonic(), None
        while self._until:
            key, until = next(iter(self._until.items()))
            if until > now:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(until - now, self._expire)
                return
            self._remove(key)
