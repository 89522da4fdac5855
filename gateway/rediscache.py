"""Restored files in Redis, which several gateways share and which survives them."""

import hashlib
from typing import Final

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from config import RedisCacheSettings
from gateway import metrics
from gateway.breaker import Breaker, Open
from gateway.cache import Cache, CacheKey

_PREFIX: Final = "slimgate:1:"
_CONNECTIONS: Final = 32

_log = structlog.get_logger(__name__)


class RedisCache:
    """Keep restored files in Redis; without it, everything is a miss that costs no time.

    What comes back is compared with the SHA-256 that the object's manifest promises, so that
    nobody who can write to Redis can change what is served.

    Args:
        settings: Where it is, and how much it is given.
    """

    def __init__(self, settings: RedisCacheSettings) -> None:
        if settings.url is None:
            raise ValueError("there is no Redis without a URL")
        self._settings = settings
        timeout_s = settings.timeout_ms / 1e3
        pool = BlockingConnectionPool.from_url(
            settings.url.get_secret_value(),
            max_connections=_CONNECTIONS,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis: Redis = Redis(connection_pool=pool)
        self._breaker = Breaker(RedisError, OSError, TimeoutError)

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    @property
    def held_bytes(self) -> int:
        """Give the bytes that it takes in the memory of this process: none."""
        return 0

    async def get(self, key: CacheKey) -> bytes | None:
        """Give the file, or None."""
        try:
            with self._breaker.attempt():
                data = await self._redis.get(_name(key))
        except (RedisError, OSError, TimeoutError, Open) as error:
            self._failed(error)
            return None
        self._works()
        if not isinstance(data, bytes):
            metrics.REDIS_REQUESTS.labels("miss").inc()
            return None
        right = hashlib.sha256(data).hexdigest() == key.sha256
        metrics.REDIS_REQUESTS.labels("hit" if right else "wrong").inc()
        return data if right else None

    async def put(self, key: CacheKey, data: bytes) -> None:
        """Keep the file, unless it is larger than what Redis is given."""
        if len(data) > self._settings.max_entry_bytes:
            return
        try:
            with self._breaker.attempt():
                await self._redis.set(_name(key), data, ex=self._settings.ttl_s)
        except (RedisError, OSError, TimeoutError, Open) as error:
            self._failed(error)
        else:
            self._works()

    def _failed(self, error: Exception) -> None:
        metrics.REDIS_REQUESTS.labels("skipped" if isinstance(error, Open) else "error").inc()
        metrics.REDIS_BREAKER_OPEN.set(1)
        if not isinstance(error, Open):
            # The text of an error may hold the URL, and that the password.
            _log.warning("redis is left alone for a while", reason=type(error).__name__)

    def _works(self) -> None:
        metrics.REDIS_BREAKER_OPEN.set(0)


class LayeredCache:
    """Look in the memory of this process first, then in what all gateways share.

    Args:
        near: Asked first.
        far: Asked then; what it has is kept near.
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
        """Give the bytes that it takes in the memory of this process."""
        return self._near.held_bytes + self._far.held_bytes

    async def get(self, key: CacheKey) -> bytes | None:
        """Give the file, or None."""
        data = await self._near.get(key)
        if data is None:
            data = await self._far.get(key)
            if data is not None:
                await self._near.put(key, data)
        return data

    async def put(self, key: CacheKey, data: bytes) -> None:
        """Keep the file in both."""
        await self._near.put(key, data)
        await self._far.put(key, data)


def _name(key: CacheKey) -> str:
    """Name an entry by a digest of all that it depends on, which tells nobody of objects."""
    parts = (part.encode("utf-8", "surrogateescape") for part in key)
    return _PREFIX + hashlib.sha256(b"".join(_framed(part) for part in parts)).hexdigest()


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(4, "big") + part
