"""All kinds of the queue do the same."""

import asyncio
import fcntl
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from slimgate.config import Deferred, RedisCacheSettings
from slimgate.gateway.deferred import redis_queue, sqlite_queue
from slimgate.gateway.deferred.queue import Claimed, DeferredQueue, dumps, loads
from slimgate.gateway.deferred.redis_queue import RedisQueue
from slimgate.gateway.deferred.sqlite_queue import SqliteQueue
from slimgate.gateway.handlers.deferring import QueuedUpload, QueueUnavailable
from tests.memory_queue import MemoryQueue
from tests.servers.redis import RedisServer, missing

_STORE = "http://store"
_LEASE_S = 1.0
_UPLOAD = QueuedUpload("b", "k\udc80 ü.jpg", "e", "v", {"x-amz-request-payer": "requester"})
_WITHOUT_REDIS = pytest.mark.skipif(missing(), reason="redis-server is missing")
_REAL = ["sqlite", pytest.param("redis", marks=_WITHOUT_REDIS)]

Make = Callable[..., DeferredQueue]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer | None]:
    """Run Redis, if it is installed."""
    if missing():
        yield None
        return
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["memory", *_REAL])
def kind(request: pytest.FixtureRequest) -> str:
    """Return a kind of queue."""
    kind: str = request.param
    return kind


@pytest.fixture
async def make(kind: str, redis: RedisServer | None, tmp_path: Path) -> AsyncIterator[Make]:
    """Return what makes queues of gateways that share them."""
    made: list[DeferredQueue] = []
    if redis is not None:
        redis.ask("flushall")

    def make(store: str = _STORE, **settings: Any) -> DeferredQueue:
        chosen = Deferred(**{"lease_s": _LEASE_S, **settings})
        if kind == "memory":
            made.append(MemoryQueue(chosen))
        elif kind == "sqlite":
            made.append(SqliteQueue(tmp_path / "queue.sqlite", store, chosen))
        else:
            assert redis is not None
            url = RedisCacheSettings(url=SecretStr(redis.url), timeout_ms=2000)
            made.append(RedisQueue(url, store, chosen))
        return made[-1]

    yield make
    for queue in made:
        await queue.close()


async def _queued(queue: DeferredQueue, upload: QueuedUpload = _UPLOAD) -> None:
    token = await queue.intend(upload)
    assert token is not None
    await queue.confirm(token, upload)


async def _claimed(queue: DeferredQueue, within_s: float = 10 * _LEASE_S) -> Claimed:
    """Claim an entry that becomes due."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        await queue.renew()
        claimed = await queue.claim()
        if claimed is not None:
            return claimed
        await asyncio.sleep(0.02)
    raise AssertionError("nothing is due")


async def test_a_confirmed_upload_is_claimed_once(make: Make) -> None:
    """An upload passes through the queue as it is, and leaves it when it is processed."""
    queue = make()
    await queue.open()
    await _queued(queue)
    claimed = await queue.claim()
    assert claimed is not None
    assert (claimed.upload, claimed.attempts) == (_UPLOAD, 1)
    assert time.time() - 5 < claimed.added <= time.time()
    assert await queue.claim() is None
    assert (await queue.depth()).entries == 1
    await queue.complete(claimed)
    assert await queue.depth() == (0, 0.0)


async def test_uploads_are_claimed_in_order(make: Make) -> None:
    """What was confirmed first is claimed first."""
    queue = make()
    await queue.open()
    uploads = [QueuedUpload("b", f"k{index}", "e") for index in range(5)]
    for upload in uploads:
        await _queued(queue, upload)
    assert [(await _claimed(queue)).upload for _ in uploads] == uploads


async def test_an_intent_is_not_due(make: Make) -> None:
    """While its process renews it, an upload being sent is not claimed; withdrawn, it is gone."""
    queue = make()
    await queue.open()
    token = await queue.intend(_UPLOAD)
    assert token is not None
    end = time.monotonic() + 1.5 * _LEASE_S
    while time.monotonic() < end:
        await queue.renew()
        assert await queue.claim() is None
        await asyncio.sleep(_LEASE_S / 5)
    assert (await queue.depth()).entries == 1
    await queue.withdraw(token)
    assert (await queue.depth()).entries == 0


async def test_an_upload_of_unknown_end_becomes_due(make: Make) -> None:
    """What its process leaves is claimed after a lease, though the process goes on."""
    queue = make()
    await queue.open()
    token = await queue.intend(_UPLOAD)
    assert token is not None
    await queue.leave(token)
    assert await queue.claim() is None
    assert (await _claimed(queue)).upload == _UPLOAD


async def test_a_retry_waits(make: Make) -> None:
    """An upload to retry keeps its time, and counts its attempts."""
    queue = make()
    await queue.open()
    await _queued(queue)
    first = await _claimed(queue)
    await queue.retry(first, 0.3)
    assert await queue.claim() is None
    assert (await queue.depth()).entries == 1
    second = await _claimed(queue)
    assert (second.attempts, second.upload) == (2, _UPLOAD)
    assert second.added == pytest.approx(first.added, abs=0.5)


async def test_a_full_queue_takes_no_more(make: Make) -> None:
    """Beyond its bound, the queue refuses; what leaves it makes room."""
    queue = make(max_queued=2)
    await queue.open()
    tokens = [await queue.intend(_UPLOAD) for _ in range(3)]
    assert [token is None for token in tokens] == [False, False, True]
    await queue.withdraw(tokens[0] or "")
    assert await queue.intend(_UPLOAD) is not None


@pytest.mark.parametrize("kind", _REAL, indirect=True)
@pytest.mark.parametrize("at_work", [False, True], ids=["sent", "at work"])
async def test_others_take_over_from_a_lost_process(make: Make, at_work: bool) -> None:
    """What a process was sending or working on is claimed by another once its lease has ended."""
    lost, other = make(), make()
    await lost.open()
    await other.open()
    if at_work:
        await _queued(lost)
        await _claimed(lost)
    else:
        await lost.intend(_UPLOAD)
    assert await other.claim() is None
    taken = await _claimed(other)
    assert (taken.upload, taken.attempts) == (_UPLOAD, 2 if at_work else 1)
    await other.complete(taken)
    assert (await other.depth()).entries == 0


@pytest.mark.parametrize("kind", _REAL, indirect=True)
async def test_a_late_confirmation_counts(make: Make) -> None:
    """An upload that others took for lost is queued when its process confirms it after all."""
    late, other = make(), make()
    await late.open()
    await other.open()
    token = await late.intend(_UPLOAD)
    assert token is not None
    await other.complete(await _claimed(other))
    await late.confirm(token, _UPLOAD)
    assert (await _claimed(other)).upload == _UPLOAD


@pytest.mark.parametrize("kind", _REAL, indirect=True)
async def test_stores_have_queues_of_their_own(make: Make) -> None:
    """Gateways of different stores do not see each other's uploads."""
    one, other = make(), make("http://other")
    await one.open()
    await other.open()
    await _queued(one)
    assert (await other.claim(), await other.depth()) == (None, (0, 0.0))


@pytest.mark.parametrize("kind", _REAL, indirect=True)
async def test_what_cannot_be_read_is_dropped(
    make: Make, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry of another version is dropped, and those behind it have their turn."""
    queue = make()
    await queue.open()
    module = {"sqlite": sqlite_queue, "redis": redis_queue}[kind]
    for text in ("no JSON", "[]", '{"b": "b"}', '{"b":"b","k":"k","e":"e","v":null,"h":[]}'):
        monkeypatch.setattr(module, "dumps", lambda _, text=text: text)
        await _queued(queue)
    monkeypatch.undo()
    await _queued(queue)
    assert (await _claimed(queue)).upload == _UPLOAD
    assert (await queue.depth()).entries == 1


def test_headers_that_no_upload_passes_along_are_dropped() -> None:
    """Others may write to the queue: a header of theirs must not share an object."""
    hostile = replace(_UPLOAD, passed_along={**_UPLOAD.passed_along, "x-amz-acl": "public-read"})
    assert loads("1", dumps(hostile)) == _UPLOAD


@pytest.mark.parametrize("kind", [pytest.param("redis", marks=_WITHOUT_REDIS)], indirect=True)
async def test_gateways_leave_nothing_behind(make: Make, redis: RedisServer) -> None:
    """Redis never forgets a consumer: there is one, however many processes have worked."""
    for _ in range(3):
        queue = make()
        await queue.open()
        await _queued(queue)
        await queue.complete(await _claimed(queue))
    (key,) = [key for key in redis.ask("keys", "*").split() if key.endswith(":uploads")]
    assert redis.ask("xinfo", "consumers", key, "gateways").split().count("name") == 1


async def test_concurrent_intents_are_all_kept(tmp_path: Path) -> None:
    """Intents that arrive at once share a write, and each is on the disk."""
    path = tmp_path / "queue.sqlite"
    queue = SqliteQueue(path, _STORE, Deferred())
    tokens = await asyncio.gather(*(queue.intend(_UPLOAD) for _ in range(50)))
    with closing(sqlite3.connect(path)) as file:
        ids = [str(id_) for (id_,) in file.execute("SELECT id FROM uploads")]
    assert sorted(filter(None, tokens)) == sorted(ids)
    await queue.close()


async def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    """Instead of a file that is no queue, a new one is begun."""
    path = tmp_path / "queue.sqlite"
    path.write_bytes(b"no database, but longer than the header of one: " * 10)
    queue = SqliteQueue(path, _STORE, Deferred())
    await _queued(queue)
    assert (await queue.depth()).entries == 1
    assert (tmp_path / "queue.sqlite.set-aside-0").exists()
    await queue.close()


async def test_one_process_sets_a_file_aside(tmp_path: Path) -> None:
    """A process that finds damage waits for one that has found it, too, and uses its new file."""
    path, ours = tmp_path / "queue.sqlite", tmp_path / "ours"
    path.write_bytes(b"no database, but longer than the header of one: " * 10)
    other, late = SqliteQueue(ours, _STORE, Deferred()), SqliteQueue(path, _STORE, Deferred())
    await _queued(other)
    await other.close()
    with (tmp_path / "queue.sqlite.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        opening = asyncio.create_task(late.open())
        await asyncio.sleep(0.2)
        ours.rename(path)
    await opening
    assert (await late.depth()).entries == 1
    assert not (tmp_path / "queue.sqlite.set-aside-0").exists()
    await late.close()


async def test_a_log_goes_with_its_file(tmp_path: Path) -> None:
    """Another program's file keeps what only its log holds."""
    path = tmp_path / "queue.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("CREATE TABLE theirs (value)")
        queue = SqliteQueue(path, _STORE, Deferred())
        await queue.open()
    with closing(sqlite3.connect(tmp_path / "queue.sqlite.set-aside-0")) as file:
        assert file.execute("SELECT count(*) FROM theirs").fetchone() == (0,)
    await queue.close()


async def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """Without a folder for its file, the queue is unavailable, and says so."""
    (tmp_path / "file").write_bytes(b"")
    queue = SqliteQueue(tmp_path / "file" / "queue.sqlite", _STORE, Deferred())
    with pytest.raises(QueueUnavailable, match="file"):
        await queue.intend(_UPLOAD)
    await queue.close()
