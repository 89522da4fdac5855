"""Keys in a CSV file, as S3 Batch Operations takes it: ``bucket,key`` or ``bucket,key,version``."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import IO, Final

from slimgate.gateway.jobs.plan.csv_rows import CsvRow, csv_rows, decoded_key
from slimgate.gateway.jobs.plan.source import BATCH, BadSource, Batch, Found, Position, Skipped
from slimgate.gateway.jobs.state.shards import Row

MAX_BYTES: Final = 1 << 40
_MAX_VERSION_ID: Final = 1024


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The objects that a file names; their sizes are unknown.

    Attributes:
        file: Open for reading.
        name: Name for messages.
        bucket: Bucket of the job.
        versions: Whether to take the versions in the third column; else the current ones.
    """

    file: IO[bytes]
    name: str
    bucket: str
    versions: bool

    async def batches(self, after: Position) -> AsyncIterator[Batch]:
        """Yield batches of rows; see :meth:`slimgate.gateway.jobs.plan.source.Source.batches`."""
        start = int(str(after.get("at", 0)))
        self.file.seek(start)
        rows = csv_rows(self.file, self.name, start=start)
        while batch := await asyncio.to_thread(self._batch, rows):
            yield batch

    def _batch(self, rows: Iterator[CsvRow]) -> Batch | None:
        taken = list(itertools.islice(rows, BATCH))
        return Batch([self._found(row) for row in taken], [r.end for r in taken]) if taken else None

    def _found(self, row: CsvRow) -> Found:
        """Return the object of a row.

        Raises:
            BadSource: It names none.
        """
        try:
            bucket, key, version = (*row.fields, "") if len(row.fields) == 2 else row.fields
            found = Row(decoded_key(key), version=_version(version) if self.versions else None)
        except ValueError as error:
            raise BadSource(
                f"{self.name}, row that ends at byte {row.end:,}: {error}; write bucket,key or "
                "bucket,key,version with URL-encoded keys"
            ) from error
        return Found(found, None if bucket == self.bucket else Skipped.OTHER_BUCKET)


def _version(text: str) -> str | None:
    if len(text) > _MAX_VERSION_ID:
        raise ValueError("the version is too long")
    return text or None
