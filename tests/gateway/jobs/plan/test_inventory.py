"""S3 Inventories as AWS writes them, and hostile ones."""

import gzip
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pytest
from pyarrow import parquet

from bench import inventories
from bench.inventories import COLUMNS, Format, Listed
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.plan.inventory import Inventory
from slimgate.gateway.jobs.plan.inventory_manifest import read_manifest
from slimgate.gateway.jobs.plan.inventory_rows import RowReader
from slimgate.gateway.jobs.plan.source import BadSource, Found, Position, Skipped
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.messages import Request
from tests.memory_store.buckets import Version
from tests.memory_store.store import MemoryStore

_TIME: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_BUCKET: Final = "photos"
_LISTED: Final = (
    Listed(_BUCKET, "a b+c%/ä.jpg", "v2", True, False, 5, _TIME, "0" * 32),
    Listed(_BUCKET, "a", "v1", False, False, 6, _TIME, "1" * 32),
    Listed(_BUCKET, "b", "v3", True, True, None, _TIME),
    Listed("other", "c", None, True, False, 7),
    Listed(_BUCKET, "line\nend\tand \"quotes\", 'commas'", None, True, False, 8, None, "2" * 32),
)
_FOUND: Final = [
    Found(Row("a b+c%/ä.jpg", 5, "0" * 32, _TIME)),
    Found(Row("a", 6, "1" * 32, _TIME), Skipped.OLD_VERSION),
    Found(Row("b", None, None, _TIME), Skipped.DELETE_MARKER),
    Found(Row("c", 7), Skipped.OTHER_BUCKET),
    Found(Row("line\nend\tand \"quotes\", 'commas'", 8, "2" * 32)),
]


class _Store:
    """A bucket of inventories."""

    def __init__(self) -> None:
        self.memory = MemoryStore()
        self.manifest = ""

    async def open(self) -> None:
        """Create the bucket."""
        async with self.memory.client().send(Request("PUT", Target("inventories", "", ""))):
            pass

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self.memory.buckets["inventories"].add(key, Version(data=data))

    def publish(
        self, files: Sequence[bytes], file_format: Format, columns: Sequence[str] = COLUMNS
    ) -> None:
        """Store an inventory."""
        self.manifest = inventories.publish(self.put, _BUCKET, files, file_format, columns)

    def rewrite(self, **changes: Any) -> None:
        """Change the manifest, and its digest."""
        about = json.loads(self.memory.buckets["inventories"].find(self.manifest, None).data)
        data = json.dumps({**about, **changes}).encode()
        self.put(self.manifest, data)
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self.put(self.manifest.replace(".json", ".checksum"), digest.encode())

    async def read(self, after: Position | None = None, *, versions: bool = False) -> list[Found]:
        """Return the objects of the inventory."""
        client = self.memory.client()
        manifest, _ = await read_manifest(client, Place("inventories", self.manifest), _BUCKET)
        source = Inventory(client, "inventories", manifest, RowReader(_BUCKET, versions))
        return [found async for batch in source.batches(after or {}) for found in batch.found]


@pytest.fixture
async def store() -> _Store:
    """Return a bucket without inventories."""
    made = _Store()
    await made.open()
    return made


def _file(rows: Sequence[Listed], file_format: Format, columns: Sequence[str] = COLUMNS) -> bytes:
    write = inventories.csv_file if file_format == "CSV" else inventories.parquet_file
    return write(rows, columns)


_formats = pytest.mark.parametrize("file_format", ["CSV", "Parquet"])


@_formats
async def test_inventories_are_read(store: _Store, file_format: Format) -> None:
    """Every object comes as it is described, whatever is in its key."""
    store.publish([_file(_LISTED, file_format), _file(_LISTED[:1], file_format)], file_format)
    assert await store.read() == [*_FOUND, _FOUND[0]]


@_formats
async def test_versions_are_read(store: _Store, file_format: Format) -> None:
    """Old versions count where they are wanted; delete markers never do."""
    store.publish([_file(_LISTED, file_format)], file_format)
    found = await store.read(versions=True)
    assert [each.row.version for each in found] == ["v2", "v1", "v3", "null", "null"]
    assert [each.skipped for each in found][1:3] == [None, Skipped.DELETE_MARKER]


@_formats
@pytest.mark.parametrize("columns", [("Bucket", "Key"), ("Size", "ETag", "Key", "Bucket")])
async def test_columns_may_be_missing(
    store: _Store, file_format: Format, columns: Sequence[str]
) -> None:
    """An inventory need not have more than bucket and key, in any order."""
    store.publish([_file(_LISTED[:1], file_format, columns)], file_format, columns)
    (found,) = await store.read()
    size, etag = (5, "0" * 32) if "Size" in columns else (None, None)
    assert found == Found(Row("a b+c%/ä.jpg", size, etag))


@_formats
async def test_reading_goes_on_anywhere(store: _Store, file_format: Format) -> None:
    """From the position behind any object the next one follows; earlier files stay unread."""
    rows = [Listed(_BUCKET, f"k{n:04}", size=n) for n in range(2500)]
    parts = [rows[:1200], rows[1200:2500]]
    store.publish([_file(part, file_format) for part in parts], file_format)
    client = store.memory.client()
    manifest, _ = await read_manifest(client, Place("inventories", store.manifest), _BUCKET)
    source = Inventory(client, "inventories", manifest, RowReader(_BUCKET, versions=False))
    positions = [
        batch.after(index) async for batch in source.batches({}) for index in range(len(batch.at))
    ]
    assert len(positions) == 2500
    for index in (0, 999, 1000, 1198, 1199, 1200, 2400, 2499):
        before = len(store.memory.requests)
        found = [f async for b in source.batches(positions[index]) for f in b.found]
        assert [each.row.size for each in found] == [*range(index + 1, 2500)]
        assert len(store.memory.requests) - before == (2 if index < 1200 else 1)


@pytest.mark.parametrize("row_group_size", [1, 3, 10])
async def test_groups_of_rows(store: _Store, row_group_size: int) -> None:
    """Groups that are done are not read again."""
    table = pa.table({"bucket": [_BUCKET] * 10, "key": [f"k{n}".encode() for n in range(10)]})
    raw = io.BytesIO()
    parquet.write_table(table, raw, row_group_size=row_group_size)
    store.publish([raw.getvalue()], "Parquet")
    for start in range(11):
        found = await store.read({"file": 0, "at": start})
        assert [each.row.key for each in found] == [f"k{n}" for n in range(start, 10)]


@_formats
async def test_damaged_files_are_refused(store: _Store, file_format: Format) -> None:
    """No row of a file counts whose size or digest differs."""
    store.publish([_file(_LISTED, file_format)], file_format)
    bucket = store.memory.buckets["inventories"]
    key = next(key for key in bucket.keys if "/data/" in key)
    data = bytearray(bucket.find(key, None).data)
    data[len(data) // 2] ^= 1
    for damaged in (bytes(data), bytes(data[:-1])):
        store.put(key, damaged)
        with pytest.raises(BadSource, match="has not the size and MD5 of its manifest"):
            await store.read()
    store.put(key, bytes(data) + b"more")
    with pytest.raises(BadSource, match="has more than"):
        await store.read()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fileFormat": "ORC"}, "lists ORC files: configure the inventory as Parquet or CSV"),
        ({"fileFormat": "JSON"}, "is not the manifest"),
        ({"sourceBucket": "scans"}, "describes s3://scans, not s3://photos"),
        ({"fileSchema": "Bucket, Size"}, "no columns for bucket and key"),
        ({"fileSchema": "Bucket, Key, Key"}, "repeated columns"),
        ({"fileSchema": ", ".join(f"C{n}" for n in range(65))}, "more than 64"),
        ({"fileSchema": "Bucket, Key, VersionId"}, "which is the current one: add IsLatest"),
        ({"files": [{"key": "", "size": 1, "MD5checksum": "0" * 32}]}, "is not the manifest"),
        ({"files": [{"key": "k", "size": -1, "MD5checksum": "0" * 32}]}, "is not the manifest"),
        ({"files": [{"key": "k", "size": 1 << 40, "MD5checksum": "0" * 32}]}, "not the manifest"),
        ({"files": [{"key": "k", "size": 1, "MD5checksum": "../" * 9}]}, "is not the manifest"),
        ({"files": [{"key": "k", "size": 1, "MD5checksum": "0" * 32}]}, "k does not exist"),
        ({"files": {}}, "is not the manifest"),
    ],
)
async def test_hostile_manifests_are_refused(
    store: _Store, changes: dict[str, Any], message: str
) -> None:
    """A manifest that cannot be used is refused with the reason."""
    store.publish([], "CSV")
    store.rewrite(**changes)
    with pytest.raises(BadSource, match=message):
        await store.read()


async def test_the_digest_of_the_manifest_counts(store: _Store) -> None:
    """A manifest without its digest, or with another, is not used; nor is another file."""
    store.publish([], "CSV")
    checksum = store.manifest.replace(".json", ".checksum")
    store.put(checksum, b"0" * 32)
    with pytest.raises(BadSource, match="does not match"):
        await store.read()
    store.memory.buckets["inventories"].keys.pop(checksum)
    with pytest.raises(BadSource, match=r"manifest\.checksum does not exist"):
        await store.read()
    store.manifest = checksum
    with pytest.raises(BadSource, match=r"is not the manifest\.json"):
        await store.read()


_LONG: Final = "x" * 1025


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'"photos"\n', "1 columns instead of 2"),
        (b'"photos","a","b"\n', "3 columns instead of 2"),
        (b'"photos",""\n', "the key is empty"),
        (f'"photos","{_LONG}"\n'.encode(), "longer than 1024 bytes"),
        (f'"photos","{"%C3%A4" * 513}"\n'.encode(), "longer than 1024 bytes"),
        (b'"photos","' + b"x" * 70_000 + b'"\n', "the row is too long"),
        (b'"photos","' + b"x\n" * 200_000 + b'"\n', "larger than"),
        (b'"a","b\n' * 60_000, "the row is too long|expected"),
        (b'"photos","a" b\n', "expected"),
        (b'"photos","a', "unexpected end"),
        (b"\0" * 70_000, "the row is too long"),
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_hostile_rows_are_refused(store: _Store, text: bytes, message: str) -> None:
    """Rows are bounded; a file with other rows is not used."""
    store.publish([gzip.compress(text)], "CSV", ("Bucket", "Key"))
    with pytest.raises(BadSource, match=message):
        await store.read()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Size", "x"), ("Size", "-1"), ("Size", "9" * 30), ("Size", "9" * 5000),
        ("LastModifiedDate", "today"), ("IsLatest", "perhaps"), ("ETag", "x" * 257),
        ("VersionId", "x" * 1025),
    ],
)  # fmt: skip
async def test_impossible_values_are_refused(store: _Store, column: str, value: str) -> None:
    """Values out of their bounds are an error that names the file."""
    columns = ("Bucket", "Key", "IsLatest", column) if column != "IsLatest" else COLUMNS[:4]
    values = {"Bucket": _BUCKET, "Key": "k", "IsLatest": "true", "VersionId": "", column: value}
    text = ",".join(f'"{values[name]}"' for name in columns) + "\n"
    store.publish([gzip.compress(text.encode())], "CSV", columns)
    with pytest.raises(BadSource, match=r"00000000\.csv\.gz, row that ends at"):
        await store.read()


@pytest.mark.parametrize("data", [b"", b"x" * 99, gzip.compress(b"a,b\n", mtime=0)[:-9]])
async def test_files_that_are_not_gzip_are_refused(store: _Store, data: bytes) -> None:
    """A file that does not end as it should is refused, but an empty one has no rows."""
    store.publish([data], "CSV", ("Bucket", "Key"))
    if data:
        with pytest.raises(BadSource, match=r"00000000\.csv\.gz"):
            await store.read()
    else:
        assert await store.read() == []


async def test_bombs_are_refused(store: _Store) -> None:
    """Text that is hundreds of times larger than its file ends the reading."""
    row = b'"photos","k"\n'
    store.publish([gzip.compress(row * ((1 << 20) // len(row) + 1))], "CSV", ("Bucket", "Key"))
    with pytest.raises(BadSource, match="more than"):
        await store.read()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"bucket": [1], "key": ["k"]}, "bucket is int64, not text"),
        ({"bucket": [_BUCKET], "key": [["k"]]}, "not text"),
        ({"bucket": [_BUCKET]}, "no columns for bucket and key"),
        ({"bucket": [_BUCKET], "key": ["k"], "version_id": ["v"]}, "which is the current one"),
        ({"bucket": [_BUCKET] * 2, "key": ["k", None]}, "the key is empty"),
        ({"bucket": [_BUCKET], "key": [None]}, "key is null, not text"),
        ({"bucket": [_BUCKET], "key": [_LONG]}, "longer than 1024"),
        ({"bucket": [_BUCKET], "key": ["k"], "size": ["x"]}, "size is string, not a number"),
        ({f"c{n}": [1] for n in range(65)}, "too many columns"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_hostile_tables_are_refused(
    store: _Store, columns: dict[str, list[Any]], message: str
) -> None:
    """A table with other columns is refused with the reason."""
    raw = io.BytesIO()
    parquet.write_table(pa.table(columns), raw)
    store.publish([raw.getvalue()], "Parquet")
    with pytest.raises(BadSource, match=message):
        await store.read()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"x" * 5000, b"PAR1" * 99])
async def test_files_that_are_not_parquet_are_refused(store: _Store, data: bytes) -> None:
    """What is no table is refused."""
    store.publish([data], "Parquet")
    with pytest.raises(BadSource, match=r"00000000\.parquet"):
        await store.read()


def test_a_missing_package_is_named() -> None:
    """Without pyarrow, Parquet is refused with what to install."""
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from slimgate.gateway.jobs.plan import inventory\n"
        "try: inventory._reader('Parquet')\n"
        "except inventory.BadSource as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ("an inventory in Parquet needs pyarrow: pip install 'slimgate[jobs]'\n")


async def test_missing_inventories(store: _Store) -> None:
    """An address without an inventory is refused."""
    store.manifest = "a/manifest.json"
    with pytest.raises(BadSource, match=r"s3://inventories/a/manifest\.json does not exist"):
        await store.read()
