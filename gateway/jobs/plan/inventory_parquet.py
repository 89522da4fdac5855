"""Data files of an S3 Inventory in Parquet. Needs pyarrow: ``slimgate[jobs]``."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import IO, Any, Final

import pyarrow as pa
from pyarrow import parquet

from slimgate.gateway.jobs.plan.inventory_rows import USED, RowReader, Values
from slimgate.gateway.jobs.plan.source import BATCH, BadSource, Found

_BUFFER: Final = 1 << 20
_MAX_GROUPS: Final = 100_000
_MAX_COLUMNS: Final = 64
_MAX_THRIFT_BYTES: Final = 64 << 20
_MAX_THRIFT_ITEMS: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))


_TEXT: Final = (_is_text, "text")
_FLAG: Final = (pa.types.is_boolean, "true or false")
_KINDS: Final = {
    "bucket": _TEXT,
    "key": _TEXT,
    "version_id": _TEXT,
    "is_latest": _FLAG,
    "is_delete_marker": _FLAG,
    "size": (pa.types.is_integer, "a number"),
    "last_modified_date": (pa.types.is_timestamp, "a time"),
    "e_tag": _TEXT,
}


def parquet_batches(
    file: IO[bytes], name: str, _columns: Sequence[str], reader: RowReader, start: int
) -> Iterator[list[Found]]:
    """Yield the objects of a data file, which names its columns itself.

    Args:
        file: The file.
        name: Name for messages.
        reader: Makes objects of values.
        start: Rows to pass over.

    Raises:
        BadSource: It is not such a file.
    """
    try:
        # Without buffering ahead, a few pages are in memory at a time, not a group of rows.
        opened = parquet.ParquetFile(
            file,
            buffer_size=_BUFFER,
            pre_buffer=False,
            thrift_string_size_limit=_MAX_THRIFT_BYTES,
            thrift_container_size_limit=_MAX_THRIFT_ITEMS,
        )
        _check(opened)
        yield from _batches(opened, reader, start)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise BadSource(f"{name}: {error}") from error


def _check(file: parquet.ParquetFile) -> None:
    about = file.metadata
    if about.num_columns > _MAX_COLUMNS or about.num_row_groups > _MAX_GROUPS:
        raise ValueError("too many columns or groups of rows")
    fields = {field.name: field.type for field in file.schema_arrow}
    for column, (is_kind, kind) in _KINDS.items():
        if column in fields and not is_kind(fields[column]):
            raise ValueError(f"the column {column} is {fields[column]}, not {kind}")
    if "version_id" in fields and "is_latest" not in fields:
        raise ValueError("there are versions, but not which is the current one")
    if not {"bucket", "key"} <= {*fields}:
        raise ValueError("there are no columns for bucket and key")


def _batches(file: parquet.ParquetFile, reader: RowReader, start: int) -> Iterator[list[Found]]:
    groups, passed = _groups_after(file, start)
    if not groups:
        return
    columns = [name for name in USED if name in file.schema_arrow.names]
    left = start - passed
    batches = file.iter_batches(
        batch_size=BATCH, row_groups=groups, columns=columns, use_threads=False
    )
    for batch in batches:
        wanted = batch.slice(left)
        left = max(0, left - batch.num_rows)
        if wanted.num_rows:
            yield [reader.found(values) for values in _values(wanted)]


def _groups_after(file: parquet.ParquetFile, start: int) -> tuple[list[int], int]:
    """Return the groups that have rows after the first ones, and the number of rows before."""
    rows = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
    passed, first = 0, 0
    while first < len(rows) and passed + rows[first] <= start:
        passed += rows[first]
        first += 1
    return [*range(first, len(rows))], passed


def _values(batch: pa.RecordBatch) -> Iterator[Values]:
    count = batch.num_rows
    columns = [
        _column(batch, name) if name in batch.schema.names else [default] * count
        for name, default in zip(USED, Values("", ""), strict=True)
    ]
    return (Values(*values) for values in zip(*columns, strict=True))


def _column(batch: pa.RecordBatch, name: str) -> list[Any]:
    column = batch.column(name)
    if pa.types.is_timestamp(column.type):
        # Whole objects of dates are slow to make.
        milliseconds = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64()).to_pylist()
        return [None if ms is None else _EPOCH + timedelta(milliseconds=ms) for ms in milliseconds]
    if pa.types.is_binary(column.type):
        texts = column.to_pylist()
        return [None if t is None else t.decode(errors="surrogateescape") for t in texts]
    values: list[Any] = column.to_pylist()
    return values
