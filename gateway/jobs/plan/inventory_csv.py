"""Data files of an S3 Inventory in CSV, compressed with gzip."""

import gzip
import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import IO, Final

from slimgate.gateway.jobs.plan.csv_rows import CsvRow, csv_rows, decoded_key
from slimgate.gateway.jobs.plan.inventory_rows import USED, RowReader, Values, utc
from slimgate.gateway.jobs.plan.source import BATCH, BadSource, Found

_MAX_RATIO: Final = 200  # text per byte of gzip; keys with common beginnings reach about 30
_MIN_BYTES: Final = 1 << 20
_FLAGS: Final = {"true": True, "false": False, "": None}


def csv_batches(
    file: IO[bytes], name: str, columns: Sequence[str], reader: RowReader, start: int
) -> Iterator[list[Found]]:
    """Yield the objects of a data file.

    Args:
        file: The file, at its start.
        name: Name for messages.
        columns: Its columns, in order.
        reader: Makes objects of values.
        start: Rows to pass over.

    Raises:
        BadSource: It is not such a file.
    """
    size = file.seek(0, 2)
    file.seek(0)
    with gzip.GzipFile(fileobj=file) as text:
        limit = max(_MIN_BYTES, _MAX_RATIO * size)
        # GzipFile buffers and reads lines in C.
        rows = csv_rows(text, name, max_bytes=limit)  # type: ignore[arg-type]
        rows = itertools.islice(rows, start, None)
        parse = _Parser(columns, reader, name)
        while batch := [parse(row) for row in itertools.islice(rows, BATCH)]:
            yield batch


class _Parser:
    """Turn rows of text into objects."""

    def __init__(self, columns: Sequence[str], reader: RowReader, name: str) -> None:
        self._count = len(columns)
        self._reader = reader
        self._name = name
        # A missing column is like an empty value, which stands at the end.
        self._indices = [columns.index(each) if each in columns else -1 for each in USED]

    def __call__(self, row: CsvRow) -> Found:
        """Return the object of a row.

        Raises:
            BadSource: It has other columns or impossible values.
        """
        try:
            return self._reader.found(self._values(row.fields))
        except ValueError as error:
            raise BadSource(
                f"{self._name}, row that ends at byte {row.end:,} of its text: {error}"
            ) from error

    def _values(self, fields: list[str]) -> Values:
        if len(fields) != self._count:
            raise ValueError(f"{len(fields)} columns instead of {self._count}")
        fields.append("")
        bucket, key, version_id, latest, marker, size, modified, etag = (
            fields[index] for index in self._indices
        )
        return Values(
            bucket,
            decoded_key(key),
            version_id,
            _flag(latest),
            _flag(marker),
            int(size) if size else None,
            utc(datetime.fromisoformat(modified)) if modified else None,
            etag.strip('"'),
        )


def _flag(text: str) -> bool | None:
    try:
        return _FLAGS[text.lower()]
    except KeyError:
        raise ValueError(f"{text[:20]!r} is neither true nor false") from None
