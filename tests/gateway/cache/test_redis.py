"""Test the Redis cache against a real Redis that is stopped, suspended and corrupted."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from slimgate.config import RedisCacheSettings
from slimgate.gateway.cache.memory import Cache, CacheKey, MemoryCache
from slimgate.gateway.cache.redis import LayeredCache, RedisCache, _file
from slimgate.gateway.telemetry import metrics
from tests.servers.redis import RedisServer, missing

pytestmark = pytest.mark.skipif(missing(), reason="redis-server is not installed")

_DATA = b"a restored file"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Run Redis."""
    with RedisServer(tmp_path) as running:
        yield running


def _settings(server: RedisServer, **changes: object) -> RedisCacheSettings:
    return RedisCacheSettings.model_validate(
        {"url": SecretStr(server.url), "timeout_ms": 200.0, **changes}
    )


def _key(data: bytes, **changes: str) -> CacheKey:
    key = CacheKey("bucket", "k\udcff", "v", "etag", "r", hashlib.sha256(data).hexdigest())
    return key._replace(**changes)


@pytest.mark.parametrize("kind", ["memory", "redis", "layered"])
async def test_every_cache_gives_what_was_put(server: RedisServer, kind: str) -> None:
    """A file is found under its exact key only."""
    redis = RedisCache(_settings(server))
    caches: dict[str, Cache] = {
        "memory": MemoryCache(1000, 3600),
        "redis": redis,
        "layered": LayeredCache(MemoryCache(1000, 3600), redis),
    }
    cache = caches[kind]
    try:
        assert await cache.get(_key(_DATA)) is None
        await cache.put(_key(_DATA), _DATA)
        assert await cache.get(_key(_DATA)) == _DATA
        for part in ("bucket", "key", "version_id", "stored_etag", "restorer"):
            assert await cache.get(_key(_DATA, **{part: "other"})) is None
        assert cache.held_bytes == (0 if kind == "redis" else len(_DATA))
    finally:
        await cache.close()
        await redis.close()


async def test_gateways_share_it(server: RedisServer) -> None:
    """A file stored by one gateway is found by another, which caches it."""
    one = LayeredCache(MemoryCache(1000, 3600), RedisCache(_settings(server)))
    other = LayeredCache(MemoryCache(1000, 3600), RedisCache(_settings(server)))
    try:
        await one.put(_key(_DATA), _DATA)
        assert await other.get(_key(_DATA)) == _DATA
        server.stop()
        assert await other.get(_key(_DATA)) == _DATA
    finally:
        await one.close()
        await other.close()


async def test_other_bytes_are_never_served(server: RedisServer) -> None:
    """Write access to Redis does not allow changing what clients get."""
    cache, key = RedisCache(_settings(server)), _key(_DATA)
    raw: Redis = Redis.from_url(server.url)
    try:
        await cache.put(key, _DATA)
        (name,) = await raw.keys("*}:*")
        for lie in (b"", _DATA[:-1], _DATA + b"!", b"another file"):
            await raw.set(name, lie)
            assert await cache.get(key) is None
        await raw.set(name, _DATA)
        assert await cache.get(key) == _DATA
    finally:
        await raw.aclose()
        await cache.close()


async def test_entries_are_bounded(server: RedisServer) -> None:
    """Large files are not stored, others expire, and names do not reveal keys."""
    cache = RedisCache(_settings(server, max_entry_bytes=len(_DATA), ttl_s=77))
    raw: Redis = Redis.from_url(server.url)
    try:
        await cache.put(_key(_DATA + b"!"), _DATA + b"!")
        assert await raw.keys("*") == []
        await cache.put(_key(_DATA), _DATA)
        names = await raw.keys("*")
        assert len(names) == 2
        assert all([0 < await raw.ttl(name) <= 77 for name in names])
        assert not any(b"bucket" in name for name in names)
    finally:
        await raw.aclose()
        await cache.close()


async def test_what_is_written_to_is_dropped(server: RedisServer) -> None:
    """Dropping removes all files of the given objects only; the number per object is bounded."""
    cache = LayeredCache(MemoryCache(1000, 3600), RedisCache(_settings(server)))
    raw: Redis = Redis.from_url(server.url)
    try:
        of_one = [_key(_DATA, stored_etag=etag) for etag in "ab"]
        for key in (*of_one, _key(_DATA, key="other"), _key(_DATA, key="third")):
            await cache.put(key, _DATA)
        await cache.drop("bucket", ["k\udcff", "third", "never there"])
        assert [await cache.get(key) for key in of_one] == [None, None]
        assert await cache.get(_key(_DATA, key="other")) == _DATA
        assert await raw.dbsize() == 2
        for number in range(100):
            await cache.put(_key(_DATA, stored_etag=str(number)), _DATA)
        assert await raw.dbsize() < 60
    finally:
        await raw.aclose()
        await cache.close()


def _skipped() -> float:
    return float(metrics.REDIS_REQUESTS.labels("skipped")._value.get())


_TROUBLES: dict[str, tuple[Callable[[RedisServer], object], Callable[[RedisServer], object]]] = {
    "stopped": (RedisServer.stop, RedisServer.start),
    "frozen": (RedisServer.freeze, RedisServer.thaw),
    "slow": (
        lambda server: server.ask("client", "pause", "100000", "all"),
        lambda server: server.restart(),
    ),
}


@pytest.mark.parametrize("trouble", _TROUBLES)
async def test_it_heals_by_itself(server: RedisServer, trouble: str) -> None:
    """Without Redis every lookup misses without raising; a recovered Redis is used again."""
    begin, end = _TROUBLES[trouble]
    cache = RedisCache(_settings(server))
    try:
        await cache.put(_key(_DATA), _DATA)
        begin(server)
        before = _skipped()
        for _ in range(2):
            found = await asyncio.gather(*(cache.get(_key(_DATA)) for _ in range(50)))
            assert set(found) == {None}
        # After the first failures only probes are sent.
        assert _skipped() - before >= 45
        await cache.put(_key(_DATA), _DATA)
        await cache.drop("bucket", ["k"])
        async with cache.lease(_key(_DATA), len(_DATA)) as data:
            assert data is None
        end(server)
        async with asyncio.timeout(20):
            while await cache.get(_key(_DATA)) is None:
                await cache.put(_key(_DATA), _DATA)
    finally:
        await cache.close()


async def test_a_full_redis_is_still_read(server: RedisServer) -> None:
    """A Redis that refuses writes is still read, and written again later."""
    cache, other = RedisCache(_settings(server)), b"another file"
    try:
        await cache.put(_key(_DATA), _DATA)
        server.ask("config", "set", "maxmemory", "1")
        for _ in range(3):
            await cache.put(_key(other), other)
            assert await cache.get(_key(_DATA)) == _DATA
        async with cache.lease(_key(other), len(other)) as data:
            assert data is None
        server.ask("config", "set", "maxmemory", "0")
        async with asyncio.timeout(20):
            while await cache.get(_key(other)) is None:
                await cache.put(_key(other), other)
    finally:
        await cache.close()


async def test_secrets_stay_secret(server: RedisServer, capsys: pytest.CaptureFixture[str]) -> None:
    """The password in the URL appears in no message, repr or log line."""
    url = server.url.replace("redis://", "redis://user:a-pass-word@")
    settings = _settings(server, url=SecretStr(url))
    cache = RedisCache(settings)
    try:
        assert await cache.get(_key(_DATA)) is None
    finally:
        await cache.close()
    said = capsys.readouterr()
    assert "a-pass-word" not in f"{settings!r} {cache!r} {said.out} {said.err}"


async def test_a_huge_value_is_not_read(server: RedisServer) -> None:
    """Of a value that no gateway stored, at most the largest entry is read."""
    cache = RedisCache(_settings(server, max_entry_bytes=1000))
    raw: Redis = Redis.from_url(server.url)
    try:
        await raw.set(_file(_key(_DATA)), bytes(64 << 20))
        before = (await raw.info("stats"))["total_net_output_bytes"]
        assert await cache.get(_key(_DATA)) is None
        assert (await raw.info("stats"))["total_net_output_bytes"] - before < 1 << 20
    finally:
        await raw.aclose()
        await cache.close()
