"""A cache whose dropped objects are reported."""

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager

from slimgate.gateway.cache.memory import Cache, CacheKey, FileContent


class FollowedCache:
    """Report the objects that are dropped, before they are.

    Args:
        inner: The cache.
        on_drop: Called with the bucket and the keys.
    """

    def __init__(self, inner: Cache, on_drop: Callable[[str, Collection[str]], None]) -> None:
        self._inner = inner
        self._on_drop = on_drop

    async def close(self) -> None:
        """Release all resources."""
        await self._inner.close()

    @property
    def held_bytes(self) -> int:
        """Return the bytes held in the memory of this process."""
        return self._inner.held_bytes

    async def get(self, key: CacheKey) -> FileContent | None:
        """Return the file, or None."""
        return await self._inner.get(key)

    async def put(self, key: CacheKey, data: FileContent) -> None:
        """Store the file if it fits."""
        await self._inner.put(key, data)

    async def drop(self, bucket: str, keys: Collection[str]) -> None:
        """Drop all files of these objects."""
        self._on_drop(bucket, keys)
        await self._inner.drop(bucket, keys)

    def lease(self, key: CacheKey, size: int) -> AbstractAsyncContextManager[FileContent | None]:
        """Return the file, waiting if another gateway restores it."""
        return self._inner.lease(key, size)
