"""What is said of a shard when it is done: sums, and where its records are."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, Self

from slimgate.gateway.jobs.outcome import FAILED, Outcome
from slimgate.gateway.jobs.state.lines import Damaged
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.storage.errors import Changed

_FOLDER: Final = "done/"
_MAX_BYTES: Final = 1 << 20


class Sum(NamedTuple):
    """A sum of outcomes.

    Attributes:
        objects: Number of objects.
        before: Stored bytes before.
        after: Stored bytes after.
    """

    objects: int = 0
    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class ShardTotals:
    """Sums of a shard, or of several.

    Attributes:
        rows: Number of objects.
        sums: Sums by verdict.
        labels: Number of objects by verdict and label, of those that have one.
        damaged: Shards that could not be read, with the reason.
    """

    rows: int = 0
    sums: Mapping[str, Sum] = field(default_factory=dict)
    labels: Mapping[tuple[str, str], int] = field(default_factory=dict)
    damaged: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Self:
        """Add up outcomes."""
        sums: dict[str, Sum] = {}
        labels: Counter[tuple[str, str]] = Counter()
        rows = 0
        for outcome in outcomes:
            rows += 1
            old = sums.get(outcome.verdict, Sum())
            sums[outcome.verdict] = Sum(
                old.objects + 1, old.before + outcome.before, old.after + outcome.after
            )
            if outcome.label:
                labels[outcome.verdict, outcome.label] += 1
        return cls(rows, sums, labels)

    def __add__(self, other: "ShardTotals") -> "ShardTotals":
        """Return the sum of both."""
        sums = dict(self.sums)
        for verdict, more in other.sums.items():
            old = sums.get(verdict, Sum())
            sums[verdict] = Sum(*(a + b for a, b in zip(old, more, strict=True)))
        labels = Counter(self.labels)
        labels.update(other.labels)
        return ShardTotals(self.rows + other.rows, sums, labels, {**self.damaged, **other.damaged})

    def without_failed(self, mended: Collection[int] = ()) -> "ShardTotals":
        """Return the sums of all other objects: those that failed are tried again elsewhere.

        Args:
            mended: Shards that were damaged, and are tried again, too.
        """
        sums = {verdict: each for verdict, each in self.sums.items() if verdict != FAILED}
        labels = {name: count for name, count in self.labels.items() if name[0] != FAILED}
        damaged = {shard: why for shard, why in self.damaged.items() if shard not in mended}
        return ShardTotals(self.rows - self.failed, sums, labels, damaged)

    @property
    def failed(self) -> int:
        """Return the number of failed objects."""
        return self.sums.get(FAILED, Sum()).objects

    @property
    def saved(self) -> int:
        """Return the saved bytes; negative if more are stored."""
        return sum(each.before - each.after for each in self.sums.values())


@dataclass(frozen=True, slots=True)
class Done:
    """The record of a shard that is done; written once.

    Attributes:
        shard: Number of the shard.
        fence: Fencing number of the process that finished it.
        totals: Its sums.
        progress: Names of the progress objects that count; all others are ignored.
        failed: Name of the object with failed rows; empty: no row failed.
    """

    shard: int
    fence: int
    totals: ShardTotals
    progress: Sequence[str] = ()
    failed: str = ""


async def record(store: JobStore, done: Done) -> Done:
    """Record that a shard is done, and return the record that counts: the first one.

    Raises:
        Damaged: There is a record that cannot be read.
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    try:
        await store.create(_name(done.shard), _dumps(done))
    except Changed:
        return await read(store, done.shard) or done
    return done


async def read(store: JobStore, shard: int) -> Done | None:
    """Return the record of a shard; None: it is not done.

    Raises:
        Damaged: The record cannot be read.
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    found = await store.read(_name(shard), _MAX_BYTES)
    return None if found is None else _loads(found.data, shard)


async def shards(store: JobStore) -> set[int]:
    """Return the numbers of all shards that are done.

    Raises:
        Denied, S3Error: The store does not permit listing, or does not respond.
    """
    return set(await ends(store))


async def ends(store: JobStore) -> dict[int, datetime | None]:
    """Return when shards were done, by the store's clock and their numbers.

    Raises:
        Denied, S3Error: The store does not permit listing, or does not respond.
    """
    found: dict[int, datetime | None] = {}
    async for page in store.entries(_FOLDER):
        for entry in page:
            number = entry.key.removeprefix(_FOLDER).removesuffix(".json")
            if number.isascii() and number.isdigit():
                found[int(number)] = entry.modified
    return found


def _name(shard: int) -> str:
    return f"{_FOLDER}{shard:08}.json"


def _dumps(done: Done) -> bytes:
    totals = done.totals
    return json.dumps(
        {
            "shard": done.shard,
            "fence": done.fence,
            "rows": totals.rows,
            "sums": totals.sums,
            "labels": [[*name, count] for name, count in totals.labels.items()],
            "damaged": totals.damaged.get(done.shard, ""),
            "progress": list(done.progress),
            "failed": done.failed,
        }
    ).encode()


def _loads(data: bytes, shard: int) -> Done:
    try:
        found = json.loads(data)
        damaged = str(found["damaged"])
        totals = ShardTotals(
            int(found["rows"]),
            {str(name): Sum(*map(int, each)) for name, each in found["sums"].items()},
            {(str(a), str(b)): int(count) for a, b, count in found["labels"]},
            {shard: damaged} if damaged else {},
        )
        names = tuple(map(str, found["progress"]))
        return Done(shard, int(found["fence"]), totals, names, str(found["failed"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Damaged(f"the record done/{shard:08}.json cannot be read") from error
