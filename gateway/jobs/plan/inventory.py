"""The objects that an S3 Inventory lists."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.plan.download import downloaded
from slimgate.gateway.jobs.plan.inventory_csv import csv_batches
from slimgate.gateway.jobs.plan.inventory_manifest import DataFile, InventoryManifest
from slimgate.gateway.jobs.plan.inventory_rows import RowReader
from slimgate.gateway.jobs.plan.source import BadSource, Batch, Found, Position
from slimgate.gateway.storage.object_client import ObjectClient

_Read = Callable[[IO[bytes], str, Sequence[str], RowReader, int], Iterator[list[Found]]]


@dataclass(frozen=True, slots=True)
class Inventory:
    """Data files, each of which is on disk while it is read.

    Attributes:
        client: Client of the store.
        bucket: Bucket of the data files.
        manifest: Their manifest.
        reader: Makes objects of rows.
    """

    client: ObjectClient
    bucket: str
    manifest: InventoryManifest
    reader: RowReader

    async def batches(self, after: Position) -> AsyncIterator[Batch]:
        """Yield batches of rows; see :meth:`slimgate.gateway.jobs.plan.source.Source.batches`.

        The digest of a file is verified before any of its rows counts.
        """
        read = _reader(self.manifest.format)
        first, start = int(str(after.get("file", 0))), int(str(after.get("at", 0)))
        for number in range(first, len(self.manifest.files)):
            async for batch in self._file(number, read, start if number == first else 0):
                yield batch

    async def _file(self, number: int, read: _Read, start: int) -> AsyncIterator[Batch]:
        described = self.manifest.files[number]
        place = Place(self.bucket, described.key)
        async with downloaded(self.client, place, described.size) as found:
            _check(place, described, found.size, found.md5)
            name, columns = str(place), self.manifest.columns
            batches = read(found.file, name, columns, self.reader, start)
            row = start
            while batch := await asyncio.to_thread(next, batches, None):
                yield Batch(batch, range(row + 1, row + len(batch) + 1), number)
                row += len(batch)


def _check(place: Place, described: DataFile, size: int, md5: str) -> None:
    if size != described.size or md5 != described.md5:
        raise BadSource(
            f"{place} has not the size and MD5 of its manifest: it is damaged, or of another "
            "inventory"
        )


def _reader(file_format: str) -> _Read:
    if file_format == "CSV":
        return csv_batches
    try:
        module = importlib.import_module("slimgate.gateway.jobs.plan.inventory_parquet")
    except ImportError as error:
        raise BadSource(
            "an inventory in Parquet needs pyarrow: pip install 'slimgate[jobs]'"
        ) from error
    read: _Read = module.parquet_batches
    return read
