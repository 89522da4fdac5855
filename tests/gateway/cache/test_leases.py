"""Leases in a real Redis, in all its layouts."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from slimgate.config import RedisCacheSettings
from slimgate.gateway.cache.memory import CacheKey
from slimgate.gateway.cache.redis import RedisCache, _file
from tests.servers.redis import RedisServer, cluster, missing, sentinel

pytestmark = pytest.mark.skipif(missing(), reason="redis-server is not installed")

_DATA = b"a restored file"
_KEY = CacheKey("bucket", "key", "", "etag", "", hashlib.sha256(_DATA).hexdigest())
_LEASE_S = 0.6


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Run Redis."""
    with RedisServer(tmp_path) as running:
        yield running


def _cache(url: str, **changes: object) -> RedisCache:
    settings = {"url": SecretStr(url), "timeout_ms": 400.0, "lease_s": _LEASE_S, **changes}
    return RedisCache(RedisCacheSettings.model_validate(settings))


@pytest.fixture
async def caches(server: RedisServer) -> AsyncIterator[tuple[RedisCache, RedisCache]]:
    """Return the caches of two gateways that share a Redis."""
    async with AsyncExitStack() as stack:
        both = _cache(server.url), _cache(server.url)
        for each in both:
            stack.push_async_callback(each.close)
        yield both


class _Work:
    """Work that the test finishes, and counts."""

    def __init__(self) -> None:
        self._begun = asyncio.Semaphore(0)
        self.may_end = asyncio.Event()
        self.times = 0

    async def begins(self) -> None:
        async with asyncio.timeout(20):
            await self._begun.acquire()

    async def by(self, cache: RedisCache) -> bytes:
        async with cache.lease(_KEY, len(_DATA)) as data:
            if data is not None:
                return bytes(data)
            self.times += 1
            self._begun.release()
            await self.may_end.wait()
            await cache.put(_KEY, _DATA)
            return _DATA


async def _waits(server: RedisServer, count: int = 2) -> None:
    """Wait until the given number of callers have tried to take the lease."""
    raw: Redis = Redis.from_url(server.url)
    try:
        async with asyncio.timeout(20):
            while (await raw.info("commandstats")).get("cmdstat_set", {}).get("calls", 0) < count:
                pass
    finally:
        await raw.aclose()


@pytest.mark.parametrize("layout", ["single", "sentinel", "cluster"])
async def test_gateways_agree_in_every_layout(tmp_path: Path, layout: str) -> None:
    """Of many concurrent requests in two gateways, one restores and all get the file."""
    with ExitStack() as servers:
        if layout == "single":
            url = servers.enter_context(RedisServer(tmp_path)).url
        else:
            start = {"sentinel": sentinel, "cluster": cluster}[layout]
            url, _ = servers.enter_context(start(tmp_path))
        async with AsyncExitStack() as stack:
            both, work = [_cache(url, timeout_ms=2000.0, lease_s=5.0) for _ in range(2)], _Work()
            for each in both:
                stack.push_async_callback(each.close)
            asked = [asyncio.create_task(work.by(each)) for each in both for _ in range(10)]
            await work.begins()
            work.may_end.set()
            assert set(await asyncio.gather(*asked)) == {_DATA}
            assert work.times == 1
            assert await both[1].get(_KEY) == _DATA
            await both[0].drop(_KEY.bucket, [_KEY.key])
            assert await both[1].get(_KEY) is None


async def test_a_lease_lasts_as_long_as_the_work(
    server: RedisServer, caches: tuple[RedisCache, RedisCache]
) -> None:
    """Work that outlasts a lease is not started a second time."""
    work = _Work()
    first = asyncio.create_task(work.by(caches[0]))
    await work.begins()
    second = asyncio.create_task(work.by(caches[1]))
    await _waits(server, 4)  # it has found the lease renewed twice
    work.may_end.set()
    assert {await first, await second} == {_DATA}
    assert work.times == 1


async def test_somebody_else_takes_over(
    server: RedisServer, caches: tuple[RedisCache, RedisCache]
) -> None:
    """If the owner gives up, the next one starts at once; if it dies, when the lease expires."""
    work = _Work()
    first = asyncio.create_task(work.by(caches[0]))
    await work.begins()
    second = asyncio.create_task(work.by(caches[1]))
    await _waits(server)
    first.cancel()
    await work.begins()
    second.cancel()
    await asyncio.wait({first, second})
    raw: Redis = Redis.from_url(server.url)
    try:
        work.may_end.set()
        name = f"{_file(_KEY)}:lease"
        await raw.set(name, b"of somebody dead", px=int(_LEASE_S * 1000))
        assert await work.by(caches[1]) == _DATA
        assert work.times == 3
        assert await raw.get(name) != b"of somebody dead"
    finally:
        await raw.aclose()


@pytest.mark.parametrize("lifetime_s", [None, 86_400])
async def test_a_foreign_lease_expires(
    server: RedisServer, caches: tuple[RedisCache, RedisCache], lifetime_s: int | None
) -> None:
    """A lease without an expiry, or with one that no gateway sets, holds up nothing."""
    raw: Redis = Redis.from_url(server.url)
    try:
        await raw.set(f"{_file(_KEY)}:lease", b"foreign", ex=lifetime_s)
        work = _Work()
        work.may_end.set()
        async with asyncio.timeout(20):  # 60 s would pass before a gateway goes on without it
            assert await work.by(caches[0]) == _DATA
    finally:
        await raw.aclose()


@pytest.mark.parametrize("trouble", ["stop", "freeze"])
async def test_nobody_waits_for_a_redis_that_is_gone(
    server: RedisServer, caches: tuple[RedisCache, RedisCache], trouble: str
) -> None:
    """Waiters start on their own if Redis vanishes, and no longer ask it."""
    work = _Work()
    first = asyncio.create_task(work.by(caches[0]))
    await work.begins()
    second = asyncio.create_task(work.by(caches[1]))
    await _waits(server)
    getattr(server, trouble)()
    await work.begins()
    work.may_end.set()
    assert {await first, await second} == {_DATA}


async def test_large_files_are_not_waited_for(server: RedisServer) -> None:
    """Files too large for Redis are restored by each gateway."""
    one, other = (_cache(server.url, max_entry_bytes=len(_DATA) - 1) for _ in range(2))
    work = _Work()
    try:
        asked = [asyncio.create_task(work.by(each)) for each in (one, other)]
        await work.begins()
        await work.begins()
        work.may_end.set()
        assert await asyncio.gather(*asked) == [_DATA, _DATA]
    finally:
        await one.close()
        await other.close()
