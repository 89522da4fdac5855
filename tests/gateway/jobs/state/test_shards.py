"""Shards as they are written, and as they come back damaged."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import imagecodecs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.state.shards import (
    MAX_TEXT_BYTES,
    DamagedShard,
    Row,
    ShardHeader,
    compressed,
    largest_first,
    pack,
    read_shard,
    shard_name,
    unpack,
)
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.messages import Request
from tests.memory_store.store import MemoryStore

_ROWS: Final = (
    Row("a/ä\n\udcff.jpg", 5, "0" * 32, datetime(2026, 1, 2, 3, 4, 5, 600, UTC), "v1"),
    Row("b", 0),
    Row("c"),
)


def _header(rows: int, number: int = 7) -> ShardHeader:
    return ShardHeader(
        number=number, rows=rows, bytes=5, after={"key": "c"}, total_rows=9, total_bytes=99,
        skipped={"folder": 2},
    )  # fmt: skip


def _packed(rows: tuple[Row, ...] = _ROWS) -> bytes:
    return pack(_header(len(rows)), b"".join(row.dumps() for row in rows))


def _text(data: bytes) -> bytes:
    return bytes(imagecodecs.zstd_decode(data))


def test_rows_return_as_they_were() -> None:
    """A shard returns its rows and its description, whatever is in the keys."""
    header, rows = unpack(_packed(), 7)
    assert rows == [*_ROWS]
    assert header.model_copy(update={"digest": ""}) == _header(3)


def test_a_shard_may_end_with_any_key() -> None:
    """The position in a listing is a key, which need not be UTF-8."""
    header = _header(1).model_copy(update={"after": {"file": 0, "at": "a/\udcff"}})
    found, _ = unpack(pack(header, _ROWS[0].dumps()), 7)
    assert found.after == {"file": 0, "at": "a/\udcff"}


_keys = st.binary(min_size=1, max_size=1024).map(lambda key: key.decode(errors="surrogateescape"))


@given(_keys, st.none() | st.integers(0, 1 << 40), st.none() | st.datetimes(timezones=st.just(UTC)))
def test_any_row_returns(key: str, size: int | None, modified: datetime | None) -> None:
    """A line holds any key that S3 allows."""
    row = Row(key, size, None, modified)
    assert Row.loads(row.dumps()) == row


def test_the_largest_come_first() -> None:
    """Unknown sizes come last; equal sizes are in order of their keys."""
    rows = [Row("a"), Row("c", 2), Row("b", 2), Row("d", 3)]
    assert [row.key for row in largest_first(rows)] == ["d", "b", "c", "a"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-9],
        lambda data: data + b"more",
        lambda _: b"",
        lambda _: compressed(b""),
        lambda _: compressed(b"[]\n"),
        lambda _: compressed(b"[" * 100_000),
        lambda _: compressed(b'{"format":2}\n'),
        lambda data: compressed(_text(data).replace(b'"b"', b'"x"')),
        lambda data: compressed(_text(data).replace(b'"rows":3', b'"rows":2')),
        lambda data: compressed(_text(data).replace(b'r":7', b'r":8')),
        lambda _: compressed(bytes(MAX_TEXT_BYTES + 1)),
    ],
    ids=[
        "torn", "longer", "empty", "no text", "list", "deep", "other format", "other rows",
        "other count", "other number", "bomb",
    ],
)  # fmt: skip
def test_damaged_shards_are_refused(damage: Callable[[bytes], bytes]) -> None:
    """What is not the planned shard is an error that names the shard."""
    with pytest.raises(DamagedShard, match=r"shards/00000007\.jsonl\.zst is damaged"):
        unpack(damage(_packed()), 7)


@pytest.mark.parametrize(
    "changed",
    [
        {"k": ""}, {"k": None}, {"k": 5}, {"k": "x" * 1025}, {"k": "ä" * 513}, {"k": "\ud800"},
        {"s": -1}, {"s": True}, {"s": 1.5}, {"s": 1 << 60}, {"e": "x" * 257}, {"m": "yesterday"},
        {"m": "2026-01-01T00:00:00"}, {"v": "v" * 1025}, {"v": []},
    ],
)  # fmt: skip
def test_hostile_rows_are_refused(changed: dict[str, object]) -> None:
    """Every value of a row is checked, though the digest agrees."""
    short = {**json.loads(_ROWS[1].dumps()), **changed}
    data = pack(_header(1), json.dumps(short).encode() + b"\n")
    with pytest.raises(DamagedShard):
        unpack(data, 7)


async def test_shards_are_read_from_the_store() -> None:
    """A missing shard is reported like a damaged one."""
    client = MemoryStore().client()
    async with client.send(Request("PUT", Target("jobs", "", ""))):
        pass
    store = JobStore(client, Place("jobs", "j1"))
    await store.create(shard_name(7), _packed())
    assert (await read_shard(store, 7))[1] == [*_ROWS]
    with pytest.raises(DamagedShard, match=r"00000008\.jsonl\.zst is missing"):
        await read_shard(store, 8)
