"""Collect rows into shards, in the order of the source."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pydantic import JsonValue

from slimgate.gateway.jobs.plan.selection import Selector
from slimgate.gateway.jobs.plan.source import Batch
from slimgate.gateway.jobs.state.shards import MAX_TEXT_BYTES, Row, ShardHeader, pack

_MAX_LINES_BYTES: Final = MAX_TEXT_BYTES - (1 << 20)  # the header and one more row fit


class Packed(NamedTuple):
    """A shard that is complete.

    Attributes:
        header: Its description.
        data: Content of the object.
    """

    header: ShardHeader
    data: bytes


@dataclass(slots=True)
class ShardBuilder:
    """Shards of a job from the batches of its source.

    Attributes:
        selector: Chooses objects.
        max_rows: Most objects in a shard.
        number: Number of the next shard.
        total_rows: Objects planned so far.
        total_bytes: Their known sizes, bytes.
        skipped: Other objects so far, by reason.
    """

    selector: Selector
    max_rows: int
    number: int = 0
    total_rows: int = 0
    total_bytes: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    _lines: list[bytes] = field(default_factory=list)
    _bytes: int = 0
    _length: int = 0
    _end: dict[str, JsonValue] = field(default_factory=dict)

    def resume(self, last: ShardHeader) -> None:
        """Go on after a shard."""
        self.number = last.number + 1
        self.total_rows, self.total_bytes = last.total_rows, last.total_bytes
        self.skipped = Counter(last.skipped)

    def add(self, batch: Batch) -> Iterator[Packed]:
        """Add objects, and yield the shards that they complete."""
        for index, found in enumerate(batch.found):
            reason = found.skipped or self.selector.skips(found.row)
            if reason is not None:
                self.skipped[reason] += 1
                continue
            self._add(found.row)
            if len(self._lines) >= self.max_rows or self._length > _MAX_LINES_BYTES:
                yield self._close(batch.after(index))
        if batch.found:
            self._end = batch.after(-1)

    def end(self) -> Iterator[Packed]:
        """Yield the last shard, if there are rows left."""
        if self._lines:
            yield self._close(self._end)

    def _add(self, row: Row) -> None:
        line = row.dumps()
        self._lines.append(line)
        self._length += len(line)
        self._bytes += row.size or 0

    def _close(self, after: dict[str, JsonValue]) -> Packed:
        self.total_rows += len(self._lines)
        self.total_bytes += self._bytes
        header = ShardHeader(
            number=self.number,
            rows=len(self._lines),
            bytes=self._bytes,
            after=after,
            total_rows=self.total_rows,
            total_bytes=self.total_bytes,
            skipped=dict(self.skipped),
        )
        packed = Packed(header, pack(header, b"".join(self._lines)))
        self.number += 1
        self._lines, self._bytes, self._length = [], 0, 0
        return packed
