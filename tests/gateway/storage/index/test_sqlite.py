"""The index in a file: shared, damaged, foreign, full and gone."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from slimgate.gateway.s3.listing_xml import LogicalView
from slimgate.gateway.storage import database_file
from slimgate.gateway.storage.index import sqlite_file
from slimgate.gateway.storage.index.memory import MemoryIndex
from slimgate.gateway.storage.index.opening import OrMemory
from slimgate.gateway.storage.index.sqlite import SqliteIndex
from slimgate.gateway.storage.listing_index import (
    Entry,
    IndexUnusable,
    Known,
    ListedObject,
    ObjectState,
)

_VIEW: Final = LogicalView(1234, "0" * 32)
_NOW: Final = 1_767_355_200


def _entry(key: str) -> Entry:
    return Entry(key, None, ObjectState("etag", "null", _NOW, _NOW, is_seen=True), _VIEW)


async def _known(index: SqliteIndex | OrMemory, *keys: str) -> list[bool]:
    page = [ListedObject(key, "etag", _NOW) for key in keys]
    return [each == Known(_VIEW) for each in await index.get("bucket", page)]


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _codes(commands: Iterable[list[str]]) -> list[int]:
    running = [subprocess.Popen(command) for command in commands]
    return [each.wait(60) for each in running]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)


def _database(path: Path) -> bytes:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE entries (a)")
    return path.read_bytes()


def _damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def _set_aside(path: Path) -> bytes:
    return path.with_name("index.sqlite.set-aside-0").read_bytes()


def _obstruct(path: Path, kind: str) -> None:
    if kind == "folder":
        path.mkdir(parents=True)
    elif kind.startswith("file"):
        path.parent.write_bytes(b"")
    else:
        _write(path, b"text")
        for number in range(10):
            path.with_name(f"index.sqlite.set-aside-{number}").write_bytes(b"")


def _ask(path: Path, query: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (answer,) = connection.execute(query).fetchone()
    return int(answer)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the name of a file in a folder that does not exist yet."""
    return tmp_path / "folder" / "index.sqlite"


def _index(path: Path, store: str = "http://store", entries: int = 10_000) -> SqliteIndex:
    return SqliteIndex(path, store, entries)


async def _stored(path: Path, *keys: str) -> None:
    index = _index(path)
    await index.open()
    await index.put("bucket", [_entry(key) for key in keys])
    await index.close()


async def _read(path: Path, *keys: str) -> list[bool]:
    index = _index(path)
    await index.open()
    known = await _known(index, *keys)
    await index.close()
    return known


async def test_entries_survive_a_restart(path: Path) -> None:
    """What was put is known to the next process; only its owner may read the file."""
    await _stored(path, "a", "b")
    assert await _read(path, "a", "b", "c") == [True, True, False]
    assert _mode(path) == 0o600


async def test_processes_share_the_file(path: Path) -> None:
    """Processes that create and fill a file at the same time lose none of their entries."""
    program = (
        "import asyncio, sys; from pathlib import Path;"
        "from tests.gateway.storage.index import test_sqlite as t;"
        "asyncio.run(t._stored(Path(sys.argv[1]), *(f'{sys.argv[2]}{n}' for n in range(500))))"
    )
    assert _codes([sys.executable, "-c", program, str(path), name] for name in "abc") == [0, 0, 0]
    keys = [f"{name}{number}" for name in "abc" for number in range(500)]
    assert await _read(path, *keys) == [True] * 1500
    assert _ask(path, "SELECT entries FROM state") == 1500


async def test_an_open_index_sees_what_others_write(path: Path) -> None:
    """A process does not need to open the file again."""
    one, other = _index(path), _index(path)
    await one.open()
    await other.open()
    await one.put("bucket", [_entry("key")])
    assert await _known(other, "key") == [True]
    await one.close()
    await other.close()


async def test_stores_are_told_apart(path: Path) -> None:
    """Buckets of one name in two stores share nothing."""
    await _stored(path, "key")
    index = _index(path, "http://another")
    await index.open()
    assert await _known(index, "key") == [False]
    await index.close()


async def test_entries_are_counted_and_bounded(path: Path) -> None:
    """The file never has more entries than it may, and no wrong idea of their number."""
    index = _index(path, entries=100)
    await index.open()
    for start in range(0, 2000, 90):
        keys = [f"{number * 7919 % 2000}" for number in range(start, start + 90)]
        await index.put("bucket", [_entry(key) for key in keys])
        there = _ask(path, "SELECT count(*) FROM entries")
        assert _ask(path, "SELECT entries FROM state") == there <= 100
    await index.close()
    index = _index(path, entries=10)
    await index.open()
    await index.put("bucket", [_entry("new")])
    assert _ask(path, "SELECT count(*) FROM entries") <= 11
    await index.close()


@pytest.mark.parametrize(
    "content", [b"text", b"x" * 100_000, b"SQLite format 3\0" + b"\xff" * 9000]
)
async def test_a_foreign_file_is_set_aside(path: Path, content: bytes) -> None:
    """Another file under the name is kept under another name."""
    _write(path, content)
    await _stored(path, "key")
    assert await _read(path, "key") == [True]
    assert _set_aside(path) == content


async def test_another_database_is_set_aside(path: Path) -> None:
    """A database of another program stays as it is, under another name."""
    before = _database(path)
    await _stored(path, "key")
    assert await _read(path, "key") == [True]
    assert _set_aside(path) == before


async def test_damage_in_use_begins_a_new_file(path: Path) -> None:
    """A file that is damaged while it is open costs its entries, and nothing else."""
    await _stored(path, *(f"{number:05}" for number in range(5000)))
    _damage(path)
    index = _index(path)
    await index.open()
    await _known(index, "00001", "04999")
    await index.put("bucket", [_entry("key")])
    await index.put("bucket", [_entry("key")])
    assert await _known(index, "key", "00001") == [True, False]
    await index.close()
    assert len(_set_aside(path)) > 4096


async def test_only_the_damaged_file_is_set_aside(path: Path) -> None:
    """A process that is late does not set the new file aside."""
    await _stored(path, "key")
    sqlite_file.set_aside(path, database_file.inode_of(path), "test")
    gone = database_file.inode_of(path.with_name("index.sqlite.set-aside-0"))
    await _stored(path, "key")
    sqlite_file.set_aside(path, gone, "test")
    assert await _read(path, "key") == [True]


@pytest.mark.parametrize("kind", ["folder", "file in place of the folder", "many set aside"])
async def test_without_a_file_the_index_is_in_memory(path: Path, kind: str) -> None:
    """Where no file can be, entries last as long as the process."""
    _obstruct(path, kind)
    with pytest.raises(IndexUnusable):
        await _index(path).open()
    index = OrMemory(_index(path), 100)
    await index.open()
    assert isinstance(index._index, MemoryIndex)
    await index.put("bucket", [_entry("key")])
    assert await _known(index, "key") == [True]
    await index.close()


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let no file grow beyond 256 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 10, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("full_disk")
async def test_a_full_disk_costs_new_entries_only(path: Path) -> None:
    """What was stored is still known; what cannot be stored is not."""
    index = _index(path)
    await index.open()
    await index.put("bucket", [_entry("first")])
    for batch in range(20):
        await index.put("bucket", [_entry(f"{batch}/{number}" * 8) for number in range(500)])
    await index.put("bucket", [_entry(f"last/{number}" * 8) for number in range(2000)])
    assert (await _known(index, "first", "last/0" * 8)) == [True, False]
    await index.close()


async def test_a_busy_file_delays_nobody_for_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process writes, entries are dropped after a while; reading goes on."""
    monkeypatch.setattr(sqlite_file, "_FORMAT", sqlite_file._FORMAT._replace(busy_s=0.05))
    index = _index(path)
    await index.open()
    await index.put("bucket", [_entry("key")])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(10):
            await index.put("bucket", [_entry("dropped")])
            assert await _known(index, "key", "dropped") == [True, False]
        other.execute("ROLLBACK")
    await index.put("bucket", [_entry("dropped")])
    assert await _known(index, "dropped") == [True]
    await index.close()


@pytest.mark.parametrize("value", ["'text'", "7", "1.5"])
async def test_a_record_of_another_type_is_unknown(path: Path, value: str) -> None:
    """A damaged row is no error for a listing; the next write of its key begins a new file."""
    index = SqliteIndex(path, "http://store", 100)
    await index.open()
    await index.put("bucket", [_entry("a")])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE entries SET record = {value}")  # noqa: S608  # one of three
        connection.commit()
    assert await _known(index, "a") == [False]
    await index.put("bucket", [_entry("a")])
    await index.put("bucket", [_entry("a")])
    assert await _known(index, "a") == [True]
    await index.close()
