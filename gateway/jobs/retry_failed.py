"""Plan the failed rows of an action as shards again: another round."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from slimgate.gateway.jobs.opened_job import Job
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.state import done, failures
from slimgate.gateway.jobs.state.rounds import Round, RoundSpec, open_round, seal
from slimgate.gateway.jobs.state.shards import (
    MAX_TEXT_BYTES,
    DamagedShard,
    Row,
    ShardHeader,
    pack,
    read_shard,
    shard_name,
)
from slimgate.gateway.jobs.tally import records

_HEADER: Final = 1 << 16
"""More than the first line of a shard takes, bytes."""


async def retry_failed(job: Job, action: str) -> RoundSpec | None:
    """Plan another round of the objects that failed in the last one.

    So are all objects of damaged shards that are whole again, such as by an earlier version.

    It may be repeated when it was interrupted: the same failures make the same shards.

    Args:
        job: The job.
        action: Folder of the action.

    Returns:
        The round; None: nothing failed.

    Raises:
        UsageError: The last round is not done.
        Damaged, Denied, S3Error: The state of the job cannot be read, or not be written.
    """
    last = (await job.rounds(action))[-1]
    left = last.spec.count - len(await done.shards(last.state))
    if left:
        raise UsageError(f"{left:,} shards are not done: finish them with job run first")
    number = last.spec.number + 1
    shards = open_round(job.store, action, RoundSpec(number, 0, 0)).shards
    count = planned = size = 0
    mended: list[int] = []
    async for some in _batches(last, job.file.keys_per_shard, mended):
        planned, size = planned + len(some), size + _bytes(some)
        header = ShardHeader(
            number=count,
            rows=len(some),
            bytes=_bytes(some),
            after={},
            total_rows=planned,
            total_bytes=size,
        )
        await shards.create(shard_name(count), pack(header, b"".join(r.dumps() for r in some)))
        count += 1
    if not count:
        return None
    spec = RoundSpec(number, count, planned, tuple(mended))
    await seal(last.control, spec)
    return spec


async def _batches(part: Round, most: int, mended: list[int]) -> AsyncIterator[list[Row]]:
    """Yield the rows to try again, so many at a time; note shards that are whole again."""
    some: list[Row] = []
    length = 0
    async for record in records(part):
        for row in await _rows(part, record, mended):
            more = len(row.dumps())
            if len(some) == most or length + more > MAX_TEXT_BYTES - _HEADER:
                yield some
                some, length = [], 0
            some.append(row)
            length += more
    if some:
        yield some


async def _rows(part: Round, record: done.Done, mended: list[int]) -> list[Row]:
    if record.totals.damaged:
        try:
            _, rows = await read_shard(part.shards, record.shard)
        except DamagedShard:
            return []  # reported already, and from now on
        mended.append(record.shard)
        return rows
    found = await failures.read(part.state, record.failed) if record.failed else ()
    return [each.row for each in found]


def _bytes(rows: Sequence[Row]) -> int:
    return sum(row.size or 0 for row in rows)
