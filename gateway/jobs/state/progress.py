"""Records of processed rows, written every few seconds: what a killed process need not repeat."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Self

import structlog

from slimgate.gateway.jobs.outcome import Outcome
from slimgate.gateway.jobs.state.leases import Held
from slimgate.gateway.jobs.state.lines import Damaged, pack, unpack
from slimgate.gateway.jobs.state.store import JobStore

_log = structlog.get_logger(__name__)

_MAX_OBJECTS: Final = 100_000
"""Progress objects of one shard that are read: more than a year of work has."""


class Record(NamedTuple):
    """What became of one row.

    Attributes:
        row: Its index in the shard.
        key: Key of the object.
        version: Version ID; None: the current version.
        outcome: The outcome.
    """

    row: int
    key: str
    version: str | None
    outcome: Outcome

    def line(self) -> dict[str, object]:
        """Return the record as a JSON object, without empty fields."""
        outcome = self.outcome
        full: dict[str, object] = {
            "i": self.row, "k": self.key, "v": self.version, "o": outcome.verdict,
            "b": outcome.before, "a": outcome.after, "r": outcome.reason, "l": outcome.label,
            "d": dict(outcome.detail),
        }  # fmt: skip
        return {name: value for name, value in full.items() if value not in (None, "", {})}

    @classmethod
    def read(cls, line: Mapping[str, object]) -> Self:
        """Read a record.

        Raises:
            Damaged: It is none.
        """
        row, before, after = (line.get(name) for name in ("i", "b", "a"))
        detail, version = line.get("d", {}), line.get("v")
        if not (
            isinstance(row, int)
            and row >= 0
            and isinstance(before, int)
            and isinstance(after, int)
            and isinstance(detail, dict)
        ):
            raise Damaged("a record has a field of the wrong type")
        verdict, reason, label = (str(line.get(name, "")) for name in ("o", "r", "l"))
        outcome = Outcome(verdict, before, after, reason, label, detail)
        return cls(row, str(line.get("k", "")), None if version is None else str(version), outcome)


class Progress:
    """The records of one action.

    Args:
        store: The folder of the round.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store

    async def write(self, held: Held, number: int, records: Sequence[Record]) -> str:
        """Write records of rows; no other process writes an object of that name.

        Args:
            held: The lease on the shard.
            number: Number of the object, higher than all that are there.
            records: At least one.

        Returns:
            The name of the object in the folder of its shard.

        Raises:
            Changed: This process has written another object of that name.
            Denied, S3Error: The store does not permit it, or does not respond.
        """
        name = f"{held.lease.fence:08}-{number:08}.jsonl.zst"
        await self._store.create(f"{_of(held.shard)}{name}", pack([r.line() for r in records]))
        return name

    async def names(self, shard: int) -> list[str]:
        """Return the names of all progress objects of a shard, in the order of their fences.

        Raises:
            Denied, S3Error: The store does not permit listing, or does not respond.
        """
        found: list[str] = []
        folder = _of(shard)
        async for page in self._store.names(folder):
            found += (name.removeprefix(folder) for name in page)
            if len(found) > _MAX_OBJECTS:
                break
        return found

    async def read(
        self, shard: int, names: Iterable[str], most_rows: int
    ) -> tuple[dict[int, Record], list[str]]:
        """Read progress objects.

        Args:
            shard: Number of the shard.
            names: Names of the objects; of two records of a row the first one counts.
            most_rows: Rows of the shard; records of other rows do not count.

        Returns:
            Records by row, and the names of the objects that they are from. Damaged objects do not
            count: their rows are processed again, which costs a request each.

        Raises:
            Denied, S3Error: The store does not permit it, or does not respond.
        """
        records: dict[int, Record] = {}
        good = []
        for name in names:
            try:
                for record in await self._read(shard, name):
                    if record.row < most_rows:
                        records.setdefault(record.row, record)
            except Damaged as error:
                _log.warning("progress ignored", shard=shard, object=name, reason=str(error))
                continue
            good.append(name)
        return records, good

    async def _read(self, shard: int, name: str) -> list[Record]:
        found = await self._store.read(f"{_of(shard)}{name}")
        if found is None:
            raise Damaged("it is missing")
        return [Record.read(line) for line in unpack(found.data)]


def _of(shard: int) -> str:
    return f"progress/{shard:08}/"
