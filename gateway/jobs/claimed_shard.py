"""A shard in progress: its rows, and what has become of them so far."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from slimgate.gateway.jobs.attempts import Work
from slimgate.gateway.jobs.state.leases import Held
from slimgate.gateway.jobs.state.progress import Record
from slimgate.gateway.jobs.state.shards import Row, largest_first


@dataclass(slots=True)
class ClaimedShard:
    """A shard in progress.

    Attributes:
        held: The lease.
        rows: Its rows.
        records: Records by row.
        names: Progress objects that hold them.
        written: Number of the next progress object, unlike that of every earlier one.
    """

    held: Held
    rows: list[Row]
    records: dict[int, Record]
    names: list[str]
    written: int
    _new: list[Record] = field(default_factory=list)
    _batch: list[Record] = field(default_factory=list)

    def left(self, work: Work) -> Iterator[tuple[int, Row]]:
        """Return the rows to process with their indices, the largest first."""
        numbers = {id(row): index for index, row in enumerate(self.rows)}
        for row in largest_first(self.rows):
            index = numbers[id(row)]
            if index not in self.records and work.wants(row):
                yield index, row

    def add(self, record: Record) -> None:
        """Take a record that is to be written."""
        self.records[record.row] = record
        self._new.append(record)

    def batch(self) -> list[Record]:
        """Return the records to write; the same until they are written, which may fail."""
        if not self._batch:
            self._batch, self._new = self._new, []
        return self._batch

    def close_batch(self) -> None:
        """Note that the records are written."""
        self._batch = []
        self.written += 1
