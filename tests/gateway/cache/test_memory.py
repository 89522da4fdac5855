"""Test the memory cache against a model."""

import asyncio
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.cache.memory import CacheKey, MemoryCache
from tests.config.builders import steady
from tests.servers.server import wait_until

_MAX_BYTES = 100
_TTL_S = 3600.0
_KEYS = [CacheKey("bucket", f"key{n % 2}", "", f"etag{n}", "", "sha") for n in range(6)]


async def test_files_are_found_by_everything_they_depend_on() -> None:
    """A file is found under its exact key only."""
    cache, key = MemoryCache(_MAX_BYTES, _TTL_S), CacheKey("b", "k", "v", "e", "r", "s")
    await cache.put(key, b"file")
    assert await cache.get(key) == b"file"
    for part in CacheKey._fields:
        assert await cache.get(key._replace(**{part: "other"})) is None


@pytest.mark.parametrize(("max_bytes", "size", "kept"), [
    (100, 25, True), (100, 26, False), (100, 1, True), (0, 1, False), (3, 1, False), (4, 1, True),
])  # fmt: skip
async def test_large_files_are_not_kept(max_bytes: int, size: int, kept: bool) -> None:
    """Files above a quarter of the limit are not stored; nothing is, if the limit is zero."""
    cache = MemoryCache(max_bytes, _TTL_S)
    await cache.put(_KEYS[0], b"x" * size)
    assert (await cache.get(_KEYS[0]) is not None) == kept


async def test_what_was_used_longest_ago_is_dropped() -> None:
    """Recently read files stay; the least recently used one goes."""
    cache = MemoryCache(_MAX_BYTES, _TTL_S)
    for key in _KEYS[:4]:
        await cache.put(key, b"x" * 25)
    await cache.get(_KEYS[0])
    await cache.put(_KEYS[4], b"x" * 25)
    found = [await cache.get(key) is not None for key in _KEYS[:5]]
    assert found == [True, False, True, True, True]


_GETS = st.tuples(st.sampled_from(_KEYS), st.none())
_PUTS = st.tuples(st.sampled_from(_KEYS), st.integers(1, 30))


class _Model:
    """A model: keys and sizes, least recently used first."""

    def __init__(self) -> None:
        self.entries: list[tuple[CacheKey, int]] = []

    def size(self, key: CacheKey) -> int | None:
        found = dict(self.entries).get(key)
        if found is not None:
            self.entries.remove((key, found))
            self.entries.append((key, found))
        return found

    def put(self, key: CacheKey, size: int) -> None:
        if size > _MAX_BYTES // 4:
            return
        self.entries = [entry for entry in self.entries if entry[0] != key] + [(key, size)]
        while sum(size for _, size in self.entries) > _MAX_BYTES:
            del self.entries[0]


async def _play(steps: Sequence[tuple[CacheKey, int | None]]) -> None:
    cache, model = MemoryCache(_MAX_BYTES, _TTL_S), _Model()
    for key, size in steps:
        if size is None:
            data = await cache.get(key)
            assert model.size(key) == (None if data is None else len(data))
        else:
            await cache.put(key, b"x" * size)
            model.put(key, size)
        assert {kept for kept, _ in model.entries} == set(cache._entries)
        assert sum(size for _, size in model.entries) == cache.held_bytes <= _MAX_BYTES
    leaving = [cache._entries.popitem() for _ in model.entries]
    assert model.entries == [(kept, len(data)) for kept, data in leaving]
    assert not any(cache._entries.of_object("bucket", key.key) for key in _KEYS)


@steady
@given(st.lists(_GETS | _PUTS, max_size=60))
def test_the_cache_is_its_model(steps: list[tuple[CacheKey, int | None]]) -> None:
    """After any steps the cache holds what the model holds, within its bytes."""
    asyncio.run(_play(steps))


async def test_files_have_an_end() -> None:
    """A file expires, used or not, and frees its memory."""
    cache = MemoryCache(_MAX_BYTES, ttl_s=0.05)
    await cache.put(_KEYS[0], b"x" * 20)
    last = bytes(bytearray(20))
    unheld = sys.getrefcount(last)
    await cache.put(_KEYS[1], last)
    # Expired files are freed without being requested.
    await asyncio.to_thread(wait_until, lambda: sys.getrefcount(last) <= unheld, "the files' end")
    assert cache.held_bytes == 0
    assert await cache.get(_KEYS[0]) is None
    await cache.put(_KEYS[0], b"y")
    assert await cache.get(_KEYS[0]) == b"y"
    await cache.close()


async def test_files_of_an_object_are_dropped() -> None:
    """Dropping removes all files of the given objects, and no others."""
    cache = MemoryCache(_MAX_BYTES, _TTL_S)
    for key in _KEYS:
        await cache.put(key, b"x" * 10)
    await cache.drop("bucket", ["key0", "other"])
    await cache.drop("other", ["key1"])
    assert [await cache.get(key) is not None for key in _KEYS] == [False, True] * 3
    assert cache.held_bytes == 30
    await cache.close()
