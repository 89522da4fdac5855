"""One suite for every kind of listing index."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from slimgate.config import RedisCacheSettings
from slimgate.gateway.s3.listing_xml import LogicalView
from slimgate.gateway.storage.index.layered import LayeredIndex
from slimgate.gateway.storage.index.memory import MemoryIndex
from slimgate.gateway.storage.index.redis import RedisIndex
from slimgate.gateway.storage.index.sqlite import SqliteIndex
from slimgate.gateway.storage.listing_index import (
    Entry,
    Known,
    ListedObject,
    ListingIndex,
    ObjectState,
)
from tests.servers.redis import RedisServer, missing

_VIEW: Final = LogicalView(1234, "0" * 32 + "-1")
_OTHER: Final = LogicalView(4321, "1" * 32)
_STORE: Final = "http://store"
_NOW: Final = 1_767_355_200
_KINDS: Final = [
    "memory",
    "sqlite",
    pytest.param("redis", marks=pytest.mark.skipif(missing(), reason="redis-server is missing")),
    pytest.param("layered", marks=pytest.mark.skipif(missing(), reason="redis-server is missing")),
]

Make = Callable[[int], Awaitable[ListingIndex]]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer | None]:
    """Run Redis, if it is installed."""
    if missing():
        yield None
        return
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=_KINDS)
async def make(
    request: pytest.FixtureRequest, redis: RedisServer | None, tmp_path: Path
) -> AsyncIterator[Make]:
    """Make indexes of one kind with a maximum of entries; they share what the kind shares."""
    settings = RedisCacheSettings()
    if redis is not None:
        redis.ask("flushall")
        settings = RedisCacheSettings(url=SecretStr(redis.url), timeout_ms=2000)
    async with AsyncExitStack() as stack:

        async def made(entries: int) -> ListingIndex:
            kinds: dict[str, Callable[[], ListingIndex]] = {
                "memory": lambda: MemoryIndex(entries),
                "sqlite": lambda: SqliteIndex(tmp_path / "index", _STORE, entries),
                "redis": lambda: RedisIndex(settings, _STORE, entries),
                "layered": lambda: LayeredIndex(
                    MemoryIndex(entries), RedisIndex(settings, _STORE, entries)
                ),
            }
            index = kinds[request.param]()
            stack.push_async_callback(index.close)
            await index.open()
            return index

        yield made


@pytest.fixture
async def index(make: Make) -> ListingIndex:
    """Make an index of each kind."""
    return await make(10_000)


def _written(etag: str = "etag", version: str = "null", at: int = _NOW) -> ObjectState:
    return ObjectState(etag, version, at - 3, at, is_seen=False)


def _seen(etag: str = "etag", version: str = "null", at: int = _NOW) -> ObjectState:
    return ObjectState(etag, version, at, at, is_seen=True)


def _listed(
    key: str = "key", etag: str = "etag", at: int = _NOW, version: str | None = None
) -> ListedObject:
    return ListedObject(key, etag, at, version)


async def _get(index: ListingIndex, listed: ListedObject, bucket: str = "bucket") -> Known | None:
    (known,) = await index.get(bucket, [listed])
    return known


async def _hits(index: ListingIndex, page: list[ListedObject]) -> int:
    """List a page as the gateway does; return how many objects were known."""
    known = await index.get("bucket", page)
    unknown = [listed for listed, each in zip(page, known, strict=True) if each is None]
    await index.put("bucket", [Entry(each.key, None, _seen(), _VIEW) for each in unknown])
    return len(page) - len(unknown)


@pytest.mark.parametrize(
    "view",
    [
        None,
        _VIEW,
        LogicalView(0, "f" * 32),
        LogicalView(2**40, "a" * 32 + "-10000"),
        LogicalView(7, "not of hexadecimal digits"),
        LogicalView(7, "a" * 32, datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)),
        LogicalView(7, "text", datetime(1999, 1, 2, tzinfo=UTC)),
    ],
)
async def test_views_are_what_was_put(index: ListingIndex, view: LogicalView | None) -> None:
    """Every view comes back; that an object is plain is an answer, unlike knowing nothing."""
    await index.put("bucket", [Entry("key", None, _written(), view)])
    assert await _get(index, _listed()) == Known(view)


async def test_an_entry_is_of_one_object(index: ListingIndex) -> None:
    """Another bucket, key, ETag, time or version is not known."""
    await index.put("bucket", [Entry("b/c", None, _written(version="v1"), _VIEW)])
    assert await _get(index, _listed("b/c", version="v1")) == Known(_VIEW)
    assert await _get(index, _listed("b/c"), "other") is None
    assert await _get(index, _listed("c"), "bucket/b") is None
    others = [
        _listed("b/"), _listed("b/cd"), _listed("b/c", "new"), _listed("b/c", at=_NOW + 1),
        _listed("b/c", at=_NOW - 4), _listed("b/c", version="v2"),
    ]  # fmt: skip
    assert await index.get("bucket", others) == [None] * 6
    assert await index.get("bucket", []) == []


async def test_overwriting_and_deleting_need_no_change(index: ListingIndex) -> None:
    """An object that was replaced, or an earlier version that came back, is another one."""
    await index.put("bucket", [Entry("key", None, _written(version="v2"), _VIEW)])
    replaced, came_back = _listed(at=_NOW + 60), _listed(at=_NOW - 60)
    assert await index.get("bucket", [replaced, came_back]) == [None, None]


async def test_the_latest_replaces_the_earlier(index: ListingIndex) -> None:
    """Only the last current state of a key is remembered."""
    await index.put("bucket", [Entry("key", None, _written("old"), _VIEW)])
    await index.put("bucket", [Entry("key", None, _written("new"), None)])
    assert await _get(index, _listed(etag="old")) is None
    assert await _get(index, _listed(etag="new")) == Known(None)


@pytest.mark.parametrize("at_once", [True, False])
async def test_writes_of_one_second_cancel_each_other(index: ListingIndex, at_once: bool) -> None:
    """Two files with one rendition in one second: only a look tells which of them is stored."""
    both = [Entry("key", None, _written(), view) for view in (_VIEW, _OTHER)]
    for entries in [both] if at_once else [[entry] for entry in both]:
        await index.put("bucket", entries)
    assert await _get(index, _listed()) is None
    await index.put("bucket", [Entry("key", None, _seen(), _OTHER)])
    assert await _get(index, _listed()) == Known(_OTHER)


async def test_repeated_notes_do_not_cancel_each_other(index: ListingIndex) -> None:
    """The same view again, of a write or of a look, confirms it."""
    for state in (_written(), _written(at=_NOW + 1), _seen(), _written(at=_NOW + 1)):
        await index.put("bucket", [Entry("key", None, state, _VIEW)])
        assert await _get(index, _listed()) == Known(_VIEW)


async def test_versions_have_entries_of_their_own(index: ListingIndex) -> None:
    """What was asked for by version does not say what is current, and stays beside it."""
    await index.put("bucket", [Entry("key", "v1", _seen(version="v1"), _OTHER)])
    assert await _get(index, _listed()) is None
    await index.put("bucket", [Entry("key", None, _seen("new", "v2", _NOW + 9), _VIEW)])
    page = [_listed(etag="new", at=_NOW + 9, version="v2"), _listed(version="v1")]
    assert await index.get("bucket", page) == [Known(_VIEW), Known(_OTHER)]
    assert await _get(index, _listed(etag="new", at=_NOW + 9)) == Known(_VIEW)


async def test_any_key_may_be_listed(index: ListingIndex) -> None:
    """Keys of any text are told apart; what an index cannot hold is unknown."""
    keys = ["", " ", "ümläut", "日本語", "😀", "a\x01", "a\x01b", "'\"\\", "x" * 1024]
    odd = ["lone \udcff", "nul \0", "nul \0 b"]
    entries = [Entry(key, None, _written(), LogicalView(n, "e")) for n, key in enumerate(keys)]
    await index.put("bucket", entries)
    await index.put("bucket", [Entry(key, None, _written(), _OTHER) for key in odd])
    found = await index.get("bucket", [_listed(key) for key in keys])
    assert found == [Known(LogicalView(number, "e")) for number in range(len(keys))]
    for known in await index.get("bucket", [_listed(key) for key in odd]):
        assert known in {None, Known(_OTHER)}


@pytest.mark.parametrize(
    "state",
    [
        ObjectState("etag", "null", _NOW, _NOW - 1, is_seen=True),
        ObjectState("etag", "null", 0, _NOW, is_seen=False),
        ObjectState("etag", "null", 2**32, 2**32, is_seen=False),
    ],
)
async def test_what_is_uncertain_is_not_stored(index: ListingIndex, state: ObjectState) -> None:
    """States that fit no object, or too many, are left out."""
    await index.put("bucket", [Entry("key", None, state, _VIEW)])
    assert await index.get("bucket", [_listed(), _listed(at=2**32)]) == [None, None]


@pytest.mark.parametrize(
    "view",
    [
        LogicalView(2**63, "e"),
        LogicalView(1, "x" * 129),
        LogicalView(1, "e", datetime(1969, 1, 1, tzinfo=UTC)),
    ],
)
async def test_hostile_views_are_not_stored(index: ListingIndex, view: LogicalView) -> None:
    """Sizes and ETags are bounded: manifests come from the bucket."""
    await index.put("bucket", [Entry("key", None, _written(), view)])
    assert await _get(index, _listed()) is None


async def test_listing_more_than_fits_still_hits(make: Make) -> None:
    """A bucket of twice as many objects as entries, listed again and again, hits for over a third.

    An index that evicts what was used longest ago would never hit.
    """
    index, hits = await make(1024), 0
    for _ in range(4):
        hits = 0
        for start in range(0, 2048, 256):
            hits += await _hits(index, [_listed(f"{n:05}") for n in range(start, start + 256)])
    assert 700 <= hits <= 1600  # layers have room for more


async def test_a_full_index_takes_new_entries_up(make: Make) -> None:
    """What is listed again and again gets in, in place of what is not listed any more."""
    index, hits = await make(1024), 0
    old = [Entry(f"old/{n:05}", None, _seen(), _VIEW) for n in range(2048)]
    await index.put("bucket", old)
    for _ in range(40):
        hits = await _hits(index, [_listed(f"new/{number}") for number in range(64)])
    assert hits >= 48


async def test_one_entry_is_an_index(make: Make) -> None:
    """The smallest index holds next to nothing, and fails at nothing."""
    index = await make(1)
    for number in range(100):
        await index.put("bucket", [Entry(f"{number}", None, _seen(), _VIEW)])
    known = await index.get("bucket", [_listed(f"{number}") for number in range(100)])
    assert 1 <= sum(each is not None for each in known) <= 65
