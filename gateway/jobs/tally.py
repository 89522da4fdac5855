"""Add up the records of all shards of an action, a bounded number at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from slimgate.gateway.jobs.state import done, leases
from slimgate.gateway.jobs.state.done import Done, ShardTotals
from slimgate.gateway.jobs.state.lines import Damaged
from slimgate.gateway.jobs.state.progress import Progress, Record
from slimgate.gateway.jobs.state.rounds import Round
from slimgate.gateway.jobs.state.shards import MAX_ROWS

_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums of an action.

    Attributes:
        totals: Sums of all objects that are done; one that failed and is tried again counts once.
        shards: Shards of the last round.
        shards_done: Those that are done.
        rows: Objects of the plan.
    """

    totals: ShardTotals
    shards: int
    shards_done: int
    rows: int

    @property
    def failed(self) -> int:
        """Return the number of objects whose last attempt failed."""
        return self.totals.failed

    @property
    def left(self) -> int:
        """Return the number of objects that are not done; those of damaged shards count."""
        return self.rows - self.totals.rows


async def records(part: Round) -> AsyncIterator[Done]:
    """Yield the records of a round, by number.

    Raises:
        Damaged: A record cannot be read.
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    numbers = sorted(await done.shards(part.state))
    for first in range(0, len(numbers), _AT_ONCE):
        some = numbers[first : first + _AT_ONCE]
        found = await asyncio.gather(*(done.read(part.state, shard) for shard in some))
        for shard, record in zip(some, found, strict=True):
            if record is None:
                raise Damaged(f"{part.state}/done/{shard:08}.json was deleted meanwhile")
            yield record


async def tally(parts: Sequence[Round], *, unfinished: bool = False) -> Tally:
    """Add up all rounds of an action.

    Args:
        parts: At least one.
        unfinished: Whether to read what is recorded of shards that are not done, too: some
            hundred objects for each shard in progress.

    Raises:
        Damaged, Denied, S3Error: As :func:`records`.
    """
    totals, count = ShardTotals(), 0
    for part in parts:
        # What failed in a round is all that the next one is about.
        totals, count = totals.without_failed(part.spec.mended), 0
        async for record in records(part):
            totals, count = totals + record.totals, count + 1
    if unfinished:
        async for processed in unfinished_shards(parts[-1]):
            totals += ShardTotals.of(each.outcome for each in processed)
    return Tally(totals, parts[-1].spec.count, count, parts[0].spec.rows)


async def unfinished_shards(part: Round) -> AsyncIterator[list[Record]]:
    """Yield what is recorded of each shard that was begun and is not done.

    Raises:
        Denied, S3Error: The store does not permit it, or does not respond.
    """
    progress = Progress(part.state)
    for shard in sorted(await leases.shards(part.state) - await done.shards(part.state)):
        found, _ = await progress.read(shard, await progress.names(shard), MAX_ROWS)
        yield [record for _, record in sorted(found.items())]
