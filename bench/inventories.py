"""S3 Inventories as AWS publishes them, for tests and benches."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple
from urllib.parse import quote_plus

import pyarrow as pa
from pyarrow import parquet

Format = Literal["CSV", "Parquet"]

_TYPES: Final = {
    "Bucket": ("bucket", pa.string(), "required binary bucket (UTF8)"),
    "Key": ("key", pa.string(), "required binary key (UTF8)"),
    "VersionId": ("version_id", pa.string(), "optional binary version_id (UTF8)"),
    "IsLatest": ("is_latest", pa.bool_(), "optional boolean is_latest"),
    "IsDeleteMarker": ("is_delete_marker", pa.bool_(), "optional boolean is_delete_marker"),
    "Size": ("size", pa.int64(), "optional int64 size"),
    "LastModifiedDate": (
        "last_modified_date",
        pa.timestamp("ms"),
        "optional int64 last_modified_date (TIMESTAMP_MILLIS)",
    ),
    "ETag": ("e_tag", pa.string(), "optional binary e_tag (UTF8)"),
    "StorageClass": ("storage_class", pa.string(), "optional binary storage_class (UTF8)"),
    "EncryptionStatus": (
        "encryption_status",
        pa.string(),
        "optional binary encryption_status (UTF8)",
    ),
}

COLUMNS: Final = tuple(_TYPES)


class Listed(NamedTuple):
    """A row of an inventory, in the order of `COLUMNS`."""

    bucket: str
    key: str
    version_id: str | None = None
    is_latest: bool = True
    is_delete_marker: bool = False
    size: int | None = None
    modified: datetime | None = None
    etag: str | None = None
    storage_class: str = "STANDARD"
    encryption: str = "SSE-S3"


def csv_file(rows: Iterable[Listed], columns: Sequence[str] = COLUMNS) -> bytes:
    """Return a data file in CSV."""
    chosen, raw = [COLUMNS.index(name) for name in columns], io.BytesIO()
    with (
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6) as packed,
        io.TextIOWrapper(packed, encoding="ascii", newline="") as text,
    ):
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([_text(row[index]) for index in chosen] for row in map(_encoded, rows))
    return raw.getvalue()


def parquet_file(rows: Iterable[Listed], columns: Sequence[str] = COLUMNS) -> bytes:
    """Return a data file in Parquet."""
    taken, raw = list(rows), io.BytesIO()
    types = [_TYPES[name] for name in columns]
    values = [
        pa.array([_plain(row[COLUMNS.index(name)]) for row in taken], _TYPES[name][1])
        for name in columns
    ]
    table = pa.table(values, names=[name for name, _, _ in types])
    parquet.write_table(table, raw, compression="snappy", row_group_size=100_000)
    return raw.getvalue()


def publish(
    put: Callable[[str, bytes], object],
    bucket: str,
    files: Iterable[bytes],
    file_format: Format,
    columns: Sequence[str] = COLUMNS,
) -> str:
    """Store an inventory, and return the key of its manifest.

    Args:
        put: Stores an object under a key.
        bucket: Bucket that is described.
        files: Data files.
        file_format: Their format.
        columns: Their columns.
    """
    folder, suffix = f"inventories/{bucket}/all", "csv.gz" if file_format == "CSV" else "parquet"
    described = []
    for number, data in enumerate(files):
        key = f"{folder}/data/{number:08}.{suffix}"
        put(key, data)
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        described.append({"key": key, "size": len(data), "MD5checksum": md5})
    manifest = {
        "sourceBucket": bucket,
        "destinationBucket": "arn:aws:s3:::inventories",
        "version": "2016-11-30",
        "creationTimestamp": "1514944800000",
        "fileFormat": file_format,
        "fileSchema": _schema(file_format, columns),
        "files": described,
    }
    key, text = f"{folder}/2026-01-01T00-00Z/manifest.json", json.dumps(manifest).encode()
    put(key, text)
    md5 = hashlib.md5(text, usedforsecurity=False).hexdigest()
    put(key.replace(".json", ".checksum"), md5.encode())
    return key


def _schema(file_format: Format, columns: Sequence[str]) -> str:
    if file_format == "CSV":
        return ", ".join(columns)
    fields = "".join(f"  {_TYPES[name][2]};" for name in columns)
    return f"message s3.inventory {{{fields}}}"


def _encoded(row: Listed) -> Listed:
    return row._replace(key=quote_plus(row.key, safe="/", errors="surrogateescape"))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _plain(value: object) -> object:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
