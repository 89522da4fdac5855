"""Restored files in Redis, shared by several gateways and kept across restarts."""

import contextlib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final

from slimgate.config import RedisCacheSettings
from slimgate.gateway.cache.known_values import KnownValues
from slimgate.gateway.cache.leases import Leases
from slimgate.gateway.cache.memory import Cache, CacheKey, FileContent
from slimgate.gateway.cache.object_names import digest
from slimgate.gateway.cache.redis_client import RedisConnection, Unavailable
from slimgate.gateway.cache.redis_values import ValueReader
from slimgate.gateway.cache.write_notices import CHANNEL, notice
from slimgate.gateway.s3.digests import sha256_hex
from slimgate.gateway.telemetry import metrics

_PREFIX: Final = "slimgate:2:"
_MAX_FILES: Final = 64
"""Most files of one object; beyond it, all are dropped. Only old versions make more than one."""


class RedisCache:
    """Hold restored files in Redis; without a working Redis, every lookup misses at once.

    Files are verified against the SHA-256 in the object's manifest, and recognized by a MAC later,
    so write access to Redis does not allow changing what is served. A set beside the files of each
    object lists their names, to drop them. All names of one object share a cluster slot.

    Args:
        settings: Address and limits.
        restore_timeout_s: Longest time that a gateway takes to restore a file, seconds.
    """

    def __init__(self, settings: RedisCacheSettings, restore_timeout_s: float = 60.0) -> None:
        self._settings = settings
        self._redis = RedisConnection(settings)
        self._values = ValueReader()
        self._known = KnownValues()
        self._leases = Leases(self._redis, f"{_PREFIX}done", settings.lease_s, restore_timeout_s)

    async def close(self) -> None:
        """Close all connections."""
        self._values.close()
        await self._leases.close()
        await self._redis.close()

    @property
    def held_bytes(self) -> int:
        """Return the bytes held in the memory of this process: none."""
        return 0

    async def get(self, key: CacheKey) -> FileContent | None:
        """Return the file, or None."""
        name = _file(key)
        try:
            async with self._redis.reading() as client:
                # Another program's value may be of any size, and would be held in memory.
                data = await self._values.getrange(client, name, self._settings.max_entry_bytes)
        except Unavailable:
            return None
        if not data:
            metrics.REDIS_REQUESTS.labels("miss").inc()
            return None
        right = await self._is_right(name, data, key.sha256)
        metrics.REDIS_REQUESTS.labels("hit" if right else "wrong").inc()
        return data if right else None

    async def _is_right(self, name: str, data: FileContent, sha256: str) -> bool:
        """Return whether these are the bytes that the manifest promises."""
        tag = await self._known.tag(data)
        if self._known.has(name, tag):
            return True
        right = await sha256_hex(data) == sha256
        if right:
            self._known.note(name, tag)
        return right

    async def put(self, key: CacheKey, data: FileContent) -> None:
        """Store the file unless it is larger than ``max_entry_bytes``."""
        if len(data) > self._settings.max_entry_bytes:
            return
        file, files, ttl_s = _file(key), _files(key.bucket, key.key), self._settings.ttl_s
        with contextlib.suppress(Unavailable):
            async with self._redis.writing() as client, client.pipeline(transaction=False) as pipe:
                # Store the name first: every stored file can then be dropped.
                pipe.sadd(files, file)
                pipe.expire(files, ttl_s)
                pipe.set(file, data, ex=ttl_s)
                pipe.scard(files)
                count = (await pipe.execute())[-1]
            if count > _MAX_FILES:
                await self.drop(key.bucket, [key.key])

    async def drop(self, bucket: str, keys: Collection[str]) -> None:
        """Drop all files of these objects, and tell other gateways."""
        sets = [_files(bucket, key) for key in keys]
        with contextlib.suppress(Unavailable):
            async with self._redis.reading() as client:  # also works where writes are refused
                await client.publish(CHANNEL, notice(bucket, keys))
            async with self._redis.reading() as client, client.pipeline(transaction=False) as pipe:
                for files in sets:
                    pipe.smembers(files)
                found = await pipe.execute()
            if not any(found):
                return
            async with self._redis.writing() as client, client.pipeline(transaction=False) as pipe:
                for files, names in zip(sets, found, strict=True):
                    if names:
                        pipe.execute_command("UNLINK", files, *names)
                await pipe.execute()

    @asynccontextmanager
    async def lease(self, key: CacheKey, size: int) -> AsyncIterator[FileContent | None]:
        """Wait while another gateway restores the file, unless it is too large to be shared."""
        if size > self._settings.max_entry_bytes:
            yield None
            return
        async with self._leases.hold(_file(key)):
            yield await self.get(key)


class LayeredCache:
    """Look in a near cache first, then in a far one.

    Args:
        near: Asked first.
        far: Asked on a miss; its files are copied to ``near``.
    """

    def __init__(self, near: Cache, far: Cache) -> None:
        self._near = near
        self._far = far

    async def close(self) -> None:
        """Close both."""
        await self._near.close()
        await self._far.close()

    @property
    def held_bytes(self) -> int:
        """Return the bytes held in the memory of this process."""
        return self._near.held_bytes + self._far.held_bytes

    async def get(self, key: CacheKey) -> FileContent | None:
        """Return the file, or None."""
        data = await self._near.get(key)
        if data is None:
            data = await self._far.get(key)
            if data is not None:
                await self._near.put(key, data)
        return data

    async def put(self, key: CacheKey, data: FileContent) -> None:
        """Store the file in both."""
        await self._near.put(key, data)
        await self._far.put(key, data)

    async def drop(self, bucket: str, keys: Collection[str]) -> None:
        """Drop all files of these objects from both."""
        await self._near.drop(bucket, keys)
        await self._far.drop(bucket, keys)

    @asynccontextmanager
    async def lease(self, key: CacheKey, size: int) -> AsyncIterator[FileContent | None]:
        """Return a file from ``near``, or wait as ``far`` does."""
        data = await self._near.get(key)
        if data is not None:
            yield data
            return
        async with self._far.lease(key, size) as data:
            if data is not None:
                await self._near.put(key, data)
            yield data


def _files(bucket: str, key: str) -> str:
    """Return the name of the set of an object's files, hashed to hide the key."""
    return f"{_PREFIX}{{{digest(bucket, key)}}}"


def _file(key: CacheKey) -> str:
    """Return the name of a file: a hash of all that it depends on."""
    return f"{_files(key.bucket, key.key)}:{digest(*key[2:])}"
