"""Write the plan of a job: shards in order, then ``job.json``.

A shard is written only when all before it are, so that what an interrupted plan has written is
complete up to its last shard, whose description says where the source goes on.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from slimgate.gateway.jobs.plan.selection import Selector
from slimgate.gateway.jobs.plan.shard_builder import Packed, ShardBuilder
from slimgate.gateway.jobs.plan.source import Position, Source
from slimgate.gateway.jobs.state.job_file import (
    JOB_FILE,
    PLAN_FILE,
    JobFile,
    PlanFile,
    read_job,
    read_plan,
)
from slimgate.gateway.jobs.state.shards import MAX_SHARDS, read_shard, shard_name
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.storage.errors import Changed

_OTHER: Final = "plan it at another prefix, or delete what is below this one"


class CannotPlan(Exception):
    """A job cannot be planned here; the message says why, and what to do."""


@dataclass(slots=True)
class Planner:
    """Plan one job, or go on where an interrupted plan stopped.

    Attributes:
        store: Prefix of the job.
        plan: What to plan.
        selector: Chooses objects.
        progress: Called with the number of objects read from the source.
    """

    store: JobStore
    plan: PlanFile
    selector: Selector
    progress: Callable[[int], object] = lambda _: None
    _writing: asyncio.Task[None] | None = field(default=None, init=False)

    async def run(self, source: Source) -> JobFile:
        """Plan the job, and return what ``job.json`` says; a planned job stays as it is.

        Raises:
            CannotPlan: There is another job, or another process is planning.
            BadSource: The source cannot be read.
            NoJob, DamagedShard: What is there cannot be read.
            Denied, S3Error: The store does not permit it, or does not respond.
        """
        if await self._begin():
            return await read_job(self.store)
        builder = ShardBuilder(self.selector, self.plan.keys_per_shard)
        after = await self._resume(builder)
        try:
            async for batch in source.batches(after):
                for packed in builder.add(batch):
                    await self._write(packed)
                self.progress(len(batch.found))
            for packed in builder.end():
                await self._write(packed)
            await self._written()
        except BaseException:
            await self._abandon()
            raise
        return await self._seal(builder)

    async def _begin(self) -> bool:
        """Claim the prefix; return whether the job is already planned.

        Raises:
            CannotPlan: It belongs to another plan.
        """
        earlier = await read_plan(self.store)
        if earlier is None:
            await self.store.check()
            with suppress(Changed):
                await self.store.create(PLAN_FILE, self.plan.dumps())
            earlier = await read_plan(self.store) or self.plan
        if differing := self.plan.differing(earlier):
            names = " and ".join(differing)
            raise CannotPlan(f"{self.store} has a plan with other {names}: {_OTHER}")
        self.plan = earlier
        return await self.store.exists(JOB_FILE)

    async def _resume(self, builder: ShardBuilder) -> Position:
        """Go on after the last shard, and return its position in the source."""
        count = await shard_count(self.store)
        if not count:
            return {}
        header, _ = await read_shard(self.store, count - 1)
        builder.resume(header)
        return header.after

    async def _write(self, packed: Packed) -> None:
        """Begin to write a shard when the one before it is written."""
        await self._written()
        if packed.header.number >= MAX_SHARDS:
            raise CannotPlan(f"a job has at most {MAX_SHARDS:,} shards: choose more keys per shard")
        self._writing = asyncio.create_task(self._create(packed))

    async def _create(self, packed: Packed) -> None:
        await self._create_once(shard_name(packed.header.number), packed.data)

    async def _create_once(self, name: str, data: bytes) -> None:
        try:
            await self.store.create(name, data)
        except Changed as error:
            raise CannotPlan(
                f"another process is planning at {self.store}: wait for it, or choose another "
                "prefix"
            ) from error

    async def _written(self) -> None:
        if self._writing is not None:
            await self._writing

    async def _abandon(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _seal(self, builder: ShardBuilder) -> JobFile:
        job = JobFile(
            **dict(self.plan),
            shards=builder.number,
            rows=builder.total_rows,
            bytes=builder.total_bytes,
            skipped=dict(builder.skipped),
        )
        await self._create_once(JOB_FILE, job.dumps())
        return job


async def shard_count(store: JobStore) -> int:
    """Return the number of shards, which have no gaps, with a few requests.

    Raises:
        Denied, S3Error: As :meth:`JobStore.exists`.
    """
    known, missing = 0, 1  # shards below `known` exist
    while await store.exists(shard_name(missing - 1)):
        known, missing = missing, missing * 2
    while known < missing - 1:
        middle = (known + missing) // 2
        if await store.exists(shard_name(middle - 1)):
            known = middle
        else:
            missing = middle
    return known
