"""A small job in the store in memory, and works whose outcomes a test decides."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.outcome import Outcome
from slimgate.gateway.jobs.pacing.concurrency import Concurrency
from slimgate.gateway.jobs.shard_runner import ShardRunner
from slimgate.gateway.jobs.state import control
from slimgate.gateway.jobs.state.done import ShardTotals
from slimgate.gateway.jobs.state.leases import LASTS_S, Leases
from slimgate.gateway.jobs.state.rounds import Round, RoundSpec
from slimgate.gateway.jobs.state.shards import Row, ShardHeader, pack, shard_name
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.jobs.terms import CHECKPOINT_S, Terms
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.messages import Request
from tests import virtual_time
from tests.memory_store.buckets import Bucket
from tests.memory_store.store import MemoryStore

BUCKET = "jobs"


async def memory_job() -> tuple[MemoryStore, JobStore]:
    """Return a store whose clock is virtual, and a prefix in it."""
    memory = MemoryStore(clock=virtual_time.now)
    client = memory.client()
    async with client.send(Request("PUT", Target(BUCKET, "", ""))) as response:
        assert response.status == 200
    return memory, JobStore(client, Place(BUCKET, "j1"))


async def planned(store: JobStore, *shards: Sequence[Row]) -> Round:
    """Plan shards, and begin to optimize them."""
    for number, rows in enumerate(shards):
        size = sum(row.size or 0 for row in rows)
        header = ShardHeader(
            number=number, rows=len(rows), bytes=size, after={}, total_rows=0, total_bytes=0
        )
        await store.create(shard_name(number), pack(header, b"".join(r.dumps() for r in rows)))
    state = store.at("optimize")
    await control.begin(state, {})
    return Round(RoundSpec(0, len(shards), sum(map(len, shards))), store, state, state)


def rows(count: int, name: str = "k") -> list[Row]:
    """Return objects, each larger than the one before."""
    return [Row(f"{name}{index:04}", 100 + index) for index in range(count)]


@dataclass
class Recorder:
    """A work that takes a second for each object, and notes what it did.

    Attributes:
        before: Called before each object, which it may let fail.
        keys: Objects that were begun.
        finished: Objects that were finished.
    """

    before: Callable[[Row], Awaitable[None]] | None = None
    keys: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)

    def wants(self, row: Row) -> bool:
        """Want all but those that say so."""
        return not row.key.startswith("unwanted")

    async def __call__(self, row: Row) -> Outcome:
        """Halve an object."""
        self.keys.append(row.key)
        if self.before is not None:
            await self.before(row)
        await asyncio.sleep(1)
        self.finished.append(row.key)
        return Outcome("made small", row.size or 0, (row.size or 0) // 2)


@dataclass
class Seen:
    """A watcher that keeps what it sees.

    Attributes:
        outcomes: Outcomes of objects.
        shards: Totals of shards that others have done.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    shards: list[ShardTotals] = field(default_factory=list)

    def seen(self, outcome: Outcome) -> None:
        """Keep an outcome."""
        self.outcomes.append(outcome)

    def found(self, totals: ShardTotals) -> None:
        """Keep the totals of a shard."""
        self.shards.append(totals)


def runner(
    part: Round,
    work: Recorder,
    owner: str = "first",
    terms: Terms | None = None,
    *,
    lasts_s: float = LASTS_S,
    checkpoint_s: float = CHECKPOINT_S,
) -> ShardRunner:
    """Return a process that runs shards, one object at a time unless told otherwise."""
    leases = Leases(part.state, owner, lasts_s)
    return ShardRunner(
        part, work, leases, terms or Terms(Concurrency(1), checkpoint_s=checkpoint_s)
    )


def stored(memory: MemoryStore) -> dict[str, bytes]:
    """Return all objects of the job by their names."""
    bucket: Bucket = memory.buckets[BUCKET]
    return {key.removeprefix("j1/"): versions[-1].data for key, versions in bucket.keys.items()}
