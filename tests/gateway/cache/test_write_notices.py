"""Writes that gateways tell each other about, through a real Redis that may vanish."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from slimgate.config import RedisCacheSettings
from slimgate.gateway.cache.redis import RedisCache
from slimgate.gateway.cache.redis_client import RedisConnection
from slimgate.gateway.cache.write_notices import WriteNotices, object_name
from tests.servers.redis import RedisServer, missing

pytestmark = pytest.mark.skipif(missing(), reason="redis-server is not installed")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Run Redis."""
    with RedisServer(tmp_path) as running:
        yield running


class _Listener:
    """A gateway that listens, and what it has heard."""

    def __init__(self, settings: RedisCacheSettings) -> None:
        self.names: asyncio.Queue[str] = asyncio.Queue()
        self.gaps: asyncio.Queue[None] = asyncio.Queue()
        self.notices = WriteNotices(
            RedisConnection(settings), self.names.put_nowait, lambda: self.gaps.put_nowait(None)
        )


async def test_gateways_hear_of_writes_and_of_gaps(server: RedisServer) -> None:
    """Dropped objects reach other gateways by name; a lost connection is a gap, and ends."""
    settings = RedisCacheSettings(url=SecretStr(server.url), timeout_ms=5000)
    listener, cache = _Listener(settings), RedisCache(settings)
    async with asyncio.timeout(60), listener.notices:
        await listener.gaps.get()
        await cache.drop("bucket", ["k\udcff", ""])
        assert await listener.names.get() == object_name("bucket", "k\udcff")
        assert await listener.names.get() == object_name("bucket", "")
        await asyncio.to_thread(server.restart)
        await listener.gaps.get()
        await listener.gaps.get()
        while listener.names.empty():  # the cache, too, has to find Redis again
            await cache.drop("bucket", ["k"])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await listener.names.put(await listener.names.get())
        assert await listener.names.get() == object_name("bucket", "k")
    await cache.close()


def test_names_show_no_keys() -> None:
    """Objects of different buckets and keys have different names, and buckets others again."""
    pairs = [("a", "b"), ("ab", ""), ("", "ab"), ("a", "")]
    names = [object_name(bucket, key) for bucket, key in pairs]
    assert len(set(names)) == len(names)
    assert all(len(each) == len("object ") + 32 for each in names)
