"""Restored files that were asked for lately."""

from collections import OrderedDict
from typing import NamedTuple, Protocol


class CacheKey(NamedTuple):
    """What a restored file depends on: another rendition or restorer is another file.

    Attributes:
        bucket: Name of the bucket.
        key: Name of the object.
        stored_etag: ETag of the rendition in the bucket.
        sha256: Of the restored file, as the manifest promises it.
    """

    bucket: str
    key: str
    stored_etag: str
    sha256: str


class Cache(Protocol):
    """Keeps restored files, or does not: an entry may vanish at any time.

    Neither method raises; a cache that is out of order behaves like an empty one.
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


class MemoryCache:
    """Keep the most recently used files in this process.

    Args:
        max_bytes: Sum of the kept files; 0 keeps nothing. A file of more than a quarter of it is
            not kept: it would push out everything else.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[CacheKey, bytes] = OrderedDict()

    async def close(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0

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
        self._bytes += len(data) - len(self._entries.pop(key, b""))
        self._entries[key] = data
        while self._bytes > self._max_bytes:
            _, dropped = self._entries.popitem(last=False)
            self._bytes -= len(dropped)
