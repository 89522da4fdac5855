"""Read CSV files of others in bounded memory."""

import csv
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile
from typing import IO, Final, NamedTuple, Self
from urllib.parse import unquote_plus

from slimgate.gateway.jobs.plan.source import BadSource, check_key

_MAX_LINE_BYTES: Final = 1 << 16
_MAX_ROW_BYTES: Final = 1 << 18  # quoted values may contain line ends
_BOM: Final = b"\xef\xbb\xbf"


class CsvRow(NamedTuple):
    """A row of a file.

    Attributes:
        fields: Values.
        end: Bytes of the file up to the end of the row.
    """

    fields: list[str]
    end: int


class _Lines:
    """Lines of a file, whose rows are bounded."""

    def __init__(self, file: IO[bytes], end: int, max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self.end = end
        self.row_start = end

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._file.readline(_MAX_LINE_BYTES + 1)
        if not line:
            raise StopIteration
        first, self.end = self.end == 0, self.end + len(line)
        if len(line) > _MAX_LINE_BYTES or self.end - self.row_start > _MAX_ROW_BYTES:
            raise ValueError("the row is too long")
        if self.end > self._max_bytes:
            raise ValueError(f"more than {self._max_bytes:,} bytes")
        if first:
            line = line.removeprefix(_BOM)
        return line.decode(errors="surrogateescape")


def csv_rows(
    file: IO[bytes], name: str, *, start: int = 0, max_bytes: int = 1 << 62
) -> Iterator[CsvRow]:
    """Yield the rows of a file; empty lines are ignored.

    Args:
        file: Open at `start`.
        name: Name for messages.
        start: Bytes of the file before its position.
        max_bytes: Bytes after which to stop; of the text, if `file` decompresses.

    Raises:
        BadSource: It is not CSV, or a row is too long.
    """
    lines = _Lines(file, start, max_bytes)
    try:
        for fields in csv.reader(lines, strict=True):
            lines.row_start = lines.end
            if fields:
                yield CsvRow(fields, lines.end)
    except (csv.Error, ValueError, EOFError, BadGzipFile, zlib.error) as error:
        raise BadSource(f"{name}, after byte {lines.row_start:,}: {error}") from error


def decoded_key(text: str) -> str:
    """Return a key that is URL-encoded, as in all CSV files of S3.

    Raises:
        ValueError: It is empty or too long.
    """
    if "%" in text or "+" in text:
        text = unquote_plus(text, errors="surrogateescape")
    return check_key(text)
