"""Work through one shard: claim it, process its objects, record them every few seconds.

A killed process costs the objects in flight and those since the last checkpoint, which the next
holder of the shard finds done already: a request each.
"""

import asyncio
import contextlib
from collections.abc import Iterator

import structlog

from slimgate.gateway.jobs.attempts import Work, attempt
from slimgate.gateway.jobs.claimed_shard import ClaimedShard
from slimgate.gateway.jobs.halt import Paused, StopFailing
from slimgate.gateway.jobs.outcome import Outcome
from slimgate.gateway.jobs.state import control, done, failures
from slimgate.gateway.jobs.state.done import Done, ShardTotals
from slimgate.gateway.jobs.state.leases import Held, Leases, Taken
from slimgate.gateway.jobs.state.progress import Progress, Record
from slimgate.gateway.jobs.state.rounds import Round
from slimgate.gateway.jobs.state.shards import DamagedShard, Row, read_shard
from slimgate.gateway.jobs.terms import StoreAway, Terms
from slimgate.gateway.s3.errors import S3Error

_log = structlog.get_logger(__name__)


class ShardRunner:
    """Run shards of one round of an action, several at a time if need be.

    Args:
        part: The round.
        work: What is done to each object.
        leases: Leases of this process on the shards.
        terms: What the shards have in common.
    """

    def __init__(self, part: Round, work: Work, leases: Leases, terms: Terms) -> None:
        self._part = part
        self._work = work
        self._leases = leases
        self._terms = terms
        self._progress = Progress(part.state)
        self._running = set[int]()
        self._obeyed: float | None = None

    async def run(self, shard: int) -> ShardTotals:
        """Process a shard, or the rest of it, and return its totals.

        A damaged shard is done, with the damage in its totals.

        Raises:
            Taken: Another process works on it.
            LeaseLost: Another process has taken it over; nothing of it counts any more.
            Halted: The run ends; what was processed is recorded, and the shard given back.
            Damaged: The state of the job cannot be read.
            Denied: The store does not permit it.
            StoreAway: The store does not respond.
        """
        if shard in self._running:  # by a call whose caller has lost sight of it
            raise Taken(self._leases.owner, self._leases.lasts_s)
        self._running.add(shard)
        try:
            await self._obey_in_time()
            self._terms.halt.check()
            return await self._run(shard)
        except S3Error as error:
            raise StoreAway(error.message) from error
        finally:
            self._running.discard(shard)

    async def _run(self, shard: int) -> ShardTotals:
        try:
            held = await self._leases.claim(shard)
        except Taken:
            found = await done.read(self._part.state, shard)
            if found is None:
                raise
        else:
            found = await done.read(self._part.state, shard)
            if found is None:
                return await self._run_held(held)
        self._terms.watcher.found(found.totals)
        return found.totals

    async def _run_held(self, held: Held) -> ShardTotals:
        try:
            _, rows = await read_shard(self._part.shards, held.shard)
        except DamagedShard as error:
            totals = ShardTotals(damaged={held.shard: str(error)})
            ended = Done(held.shard, held.lease.fence, totals)
            return (await done.record(self._part.state, ended)).totals
        run = await self._begun(held, rows)
        await self._work_through(run)
        return await self._finished(run)

    async def _begun(self, held: Held, rows: list[Row]) -> ClaimedShard:
        """Return a shard with what earlier processes have recorded of it."""
        names = await self._progress.names(held.shard)
        records, good = await self._progress.read(held.shard, names, len(rows))
        for record in records.values():
            self._terms.watcher.seen(record.outcome)
        return ClaimedShard(held, rows, records, good, len(names))

    async def _work_through(self, run: ClaimedShard) -> None:
        """Process all objects that are not recorded yet.

        Raises:
            Halted, LeaseLost, Denied: See :meth:`run`.
        """
        left, all_taken = run.left(self._work), asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._checkpoints(run, all_taken))
                most = self._terms.concurrency.most
                takers = [group.create_task(self._take(left, run)) for _ in range(most)]
                await asyncio.wait(takers)
                all_taken.set()
        except BaseExceptionGroup as errors:
            # An error in one task ends the shard; the others would fail likewise.
            raise errors.exceptions[0] from errors
        await self._checkpoint(run)
        if next(run.left(self._work), None) is not None:
            await self._leases.release(run.held)
            self._terms.halt.check()

    async def _take(self, left: Iterator[tuple[int, Row]], run: ClaimedShard) -> None:
        halt = self._terms.halt
        while halt.reason is None and (following := next(left, None)) is not None:
            if not halt.may_start():
                return
            index, row = following
            outcome = await attempt(self._work, row, self._terms.concurrency, halt)
            if outcome is None:
                return
            run.add(Record(index, row.key, row.version, outcome))
            self._terms.watcher.seen(outcome)
            why = self._terms.failures.add(outcome)
            if why is not None and halt.reason is None:
                halt.begin(StopFailing(_how_to_go_on(why)))
                await control.change(self._part.control, "stopped", why)

    async def _checkpoints(self, run: ClaimedShard, all_taken: asyncio.Event) -> None:
        """Write checkpoints; one that has begun is never cut off."""
        while not all_taken.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(all_taken.wait(), self._terms.checkpoint_s)
                return
            try:
                await self._checkpoint(run)
                await self._obey()
            except S3Error as error:
                # If it lasts, the last checkpoint fails, too. The objects are as they are.
                _log.warning("no checkpoint", shard=run.held.shard, reason=error.message)

    async def _checkpoint(self, run: ClaimedShard) -> None:
        """Renew the lease, then record what is new.

        Raises:
            LeaseLost: Another process has taken the shard over.
            Denied, S3Error: The store does not permit it, or does not respond.
        """
        run.held = await self._leases.renew(run.held, len(run.records))
        if batch := run.batch():
            run.names.append(await self._progress.write(run.held, run.written, batch))
            run.close_batch()

    async def _obey_in_time(self) -> None:
        """Look at the control between shards, too: each may end before its first checkpoint."""
        now = asyncio.get_running_loop().time()
        if self._obeyed is None:
            self._obeyed = now  # the run has just looked
        elif now - self._obeyed >= self._terms.checkpoint_s:
            await self._obey()

    async def _obey(self) -> None:
        self._obeyed = asyncio.get_running_loop().time()
        found = await control.read(self._part.control)
        if found is not None and found.state == "paused":
            self._terms.halt.begin(Paused("paused: go on with job resume, then job run"))
        elif found is not None and found.state == "stopped":
            self._terms.halt.begin(StopFailing(_how_to_go_on(found.reason)))

    async def _finished(self, run: ClaimedShard) -> ShardTotals:
        """Record that a shard is done, as its holder or as one who was faster has found."""
        shard, fence = run.held.shard, run.held.lease.fence
        skipped = [_skipped(row) for index, row in enumerate(run.rows) if index not in run.records]
        totals = ShardTotals.of([*(each.outcome for each in run.records.values()), *skipped])
        failed = await failures.write(self._part.state, shard, run.rows, run.records.values())
        ended = Done(shard, fence, totals, tuple(run.names), failed)
        return (await done.record(self._part.state, ended)).totals


def _skipped(row: Row) -> Outcome:
    return Outcome.same("skipped", row.size or 0)


def _how_to_go_on(why: str) -> str:
    return f"stopped: {why}. When the cause is mended: job resume, job run, job retry-failed"
