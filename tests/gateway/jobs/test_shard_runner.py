"""Every way in which the work on a shard can end, in virtual time on the store in memory."""

import asyncio
import contextlib
from collections import Counter

import pytest

from slimgate.gateway.jobs.halt import (
    FailureWatch,
    Halt,
    Halted,
    Interrupted,
    LimitReached,
    Paused,
    StopFailing,
)
from slimgate.gateway.jobs.pacing.concurrency import Concurrency
from slimgate.gateway.jobs.state import control, done, failures
from slimgate.gateway.jobs.state.done import ShardTotals, Sum
from slimgate.gateway.jobs.state.leases import LASTS_S, LeaseLost, Taken
from slimgate.gateway.jobs.state.lines import Damaged
from slimgate.gateway.jobs.state.progress import Progress
from slimgate.gateway.jobs.state.rounds import Round
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.jobs.terms import CHECKPOINT_S, Terms
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.errors import Denied
from tests import virtual_time
from tests.gateway.jobs.jobs import Recorder, Seen, memory_job, planned, rows, runner, stored
from tests.memory_store.store import MemoryStore

_TEN = {"made small": Sum(10, 1045, 520)}


async def _planned(count: int = 10) -> tuple[MemoryStore, Round]:
    memory, store = await memory_job()
    return memory, await planned(store, rows(count), rows(3, "other"))


async def _killed(part: Round, work: Recorder, after_s: float) -> None:
    """Run the first shard, and end without a word after a time."""
    task = asyncio.create_task(runner(part, work).run(0))
    await asyncio.sleep(after_s)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_shard_is_worked_through() -> None:
    """The largest objects come first; the record has the totals, and names what counts."""

    async def work() -> None:
        memory, part = await _planned(25)
        did, watcher = Recorder(), Seen()
        terms = Terms(Concurrency(1), watcher=watcher)
        totals = await runner(part, did, terms=terms).run(0)
        assert did.finished == [f"k{index:04}" for index in reversed(range(25))]
        assert totals == ShardTotals(25, {"made small": Sum(25, 2800, 1394)})
        assert len(watcher.outcomes) == 25
        record = await done.read(part.state, 0)
        assert record is not None
        assert (record.fence, record.totals, record.failed) == (1, totals, "")
        names = await Progress(part.state).names(0)
        assert (list(record.progress), len(names)) == (names, 3)
        records, _ = await Progress(part.state).read(0, names, 25)
        assert {each.key for each in records.values()} == set(did.keys)
        before = stored(memory)
        assert await runner(part, did, "second", lasts_s=1).run(0) == totals
        assert len(did.keys) == 25
        assert {name for name in stored(memory) if before.get(name) != stored(memory)[name]} <= {
            "optimize/leases/00000000"
        }

    virtual_time.run(work())


def test_objects_that_are_not_wanted_cost_nothing() -> None:
    """They are counted, and neither processed nor recorded one by one."""

    async def work() -> None:
        _, store = await memory_job()
        part = await planned(store, [*rows(2), Row("unwanted", 9)])
        did = Recorder()
        totals = await runner(part, did).run(0)
        assert totals.sums["skipped"] == Sum(1, 9, 9)
        assert (totals.rows, len(did.keys)) == (3, 2)

    virtual_time.run(work())


def test_objects_are_processed_at_the_same_time() -> None:
    """As many objects as allowed are in progress, over all shards of a process."""

    async def work() -> None:
        _, part = await _planned(20)
        terms = Terms(Concurrency(5))
        running = runner(part, Recorder(), terms=terms)
        await asyncio.gather(running.run(0), running.run(1))
        assert asyncio.get_running_loop().time() == pytest.approx(5.0)

    virtual_time.run(work())


def test_two_processes_want_a_shard() -> None:
    """One works on it; the other is told so."""

    async def work() -> None:
        _, part = await _planned()
        one, two = Recorder(), Recorder()
        said = await asyncio.gather(
            runner(part, one, "one").run(0), runner(part, two, "two").run(0), return_exceptions=True
        )
        assert sorted(map(type, said), key=str) == [ShardTotals, Taken]
        assert sorted((len(one.keys), len(two.keys))) == [0, 10]

    virtual_time.run(work())


@pytest.mark.parametrize("after_s", [0.5, 9.5, 10.5, 19.5])
def test_a_killed_process_costs_what_was_not_recorded(after_s: float) -> None:
    """After its lease has run out, another goes on behind its last checkpoint."""

    async def work() -> None:
        _, part = await _planned(25)
        killed, later = Recorder(), Recorder()
        await _killed(part, killed, after_s)
        with pytest.raises(Taken):
            await runner(part, later, "later").run(0)
        await asyncio.sleep(LASTS_S)
        totals = await runner(part, later, "later").run(0)
        recorded = int(after_s // CHECKPOINT_S) * 10
        assert len(later.keys) == 25 - recorded
        assert totals == ShardTotals(25, {"made small": Sum(25, 2800, 1394)})
        record = await done.read(part.state, 0)
        assert record is not None
        assert record.fence == 2

    virtual_time.run(work())


def test_a_process_that_comes_back_too_late_changes_nothing() -> None:
    """A holder that hung until its shard was taken over stops; its late progress does not count."""

    async def work() -> None:
        _, part = await _planned(30)
        gate = asyncio.Event()

        async def hang(row: Row) -> None:
            if row.key == "k0015":
                await gate.wait()

        late, quick = Recorder(hang), Recorder()
        # It hangs between its checkpoints, too: no timer of it runs.
        terms = Terms(Concurrency(1), checkpoint_s=10_000)
        first = asyncio.create_task(runner(part, late, "late", terms).run(0))
        await asyncio.sleep(LASTS_S + 20)
        second = asyncio.create_task(runner(part, quick, "quick").run(0))
        await asyncio.sleep(5)
        gate.set()
        totals = await second
        with pytest.raises(LeaseLost):
            await first
        assert totals.rows == len(quick.keys) == 30
        record = await done.read(part.state, 0)
        assert record is not None
        assert all(name.startswith("00000002-") for name in record.progress)

    virtual_time.run(work())


def test_a_lost_lease_stops_objects_in_flight() -> None:
    """At the next checkpoint the objects in progress are cut off."""

    async def work() -> None:
        _, part = await _planned(100)
        did = Recorder()
        task = asyncio.create_task(runner(part, did, lasts_s=1).run(0))
        await asyncio.sleep(5)
        other = asyncio.create_task(runner(part, Recorder(), "other").run(0))
        with pytest.raises(LeaseLost):
            await task
        assert asyncio.get_running_loop().time() == pytest.approx(CHECKPOINT_S)
        assert (len(did.keys), len(did.finished)) == (11, 10)
        other.cancel()

    virtual_time.run(work())


def test_killed_between_progress_and_record() -> None:
    """All objects are recorded, and the shard is not: the next process only adds up."""

    async def work() -> None:
        memory, part = await _planned()
        did = Recorder()
        memory.faults["PUT", "j1/optimize/done/00000000.json"] = [400]
        with pytest.raises(Denied):
            await runner(part, did).run(0)
        await asyncio.sleep(LASTS_S)
        assert await runner(part, did, "next").run(0) == ShardTotals(10, _TEN)
        assert len(did.keys) == 10

    virtual_time.run(work())


def test_a_record_of_another_counts() -> None:
    """Of two records of one shard the first one counts, for both processes."""

    async def work() -> None:
        _, part = await _planned()
        theirs = done.Done(0, 9, ShardTotals(10, {"already small": Sum(10, 1, 1)}))

        async def meanwhile(row: Row) -> None:
            if row.key == "k0000":
                await done.record(part.state, theirs)

        assert await runner(part, Recorder(meanwhile)).run(0) == theirs.totals

    virtual_time.run(work())


def test_a_damaged_shard_is_reported() -> None:
    """A shard that was altered is done, with the reason; others are processed."""

    async def work() -> None:
        memory, part = await _planned()
        name = "j1/shards/00000000.jsonl.zst"
        memory.buckets["jobs"].keys[name][-1].data = stored(memory)[name[3:]][:-20]
        did = Recorder()
        totals = await runner(part, did).run(0)
        assert (totals.rows, list(totals.damaged)) == (0, [0])
        assert await runner(part, did, "next", lasts_s=1).run(0) == totals
        assert (await runner(part, did).run(1)).rows == 3

    virtual_time.run(work())


def test_damaged_progress_is_ignored() -> None:
    """Its objects are processed again."""

    async def work() -> None:
        memory, part = await _planned(25)
        await _killed(part, Recorder(), 20.5)
        first, second = await Progress(part.state).names(0)
        versions = memory.buckets["jobs"].keys[f"j1/optimize/progress/00000000/{first}"]
        versions[-1].data = versions[-1].data[:-9]
        await asyncio.sleep(LASTS_S)
        later = Recorder()
        totals = await runner(part, later, "later").run(0)
        assert (totals.rows, len(later.keys)) == (25, 15)
        record = await done.read(part.state, 0)
        assert record is not None
        assert first not in record.progress
        assert second in record.progress

    virtual_time.run(work())


def test_pause_and_resume() -> None:
    """A paused job finishes objects in flight and gives the shard back; it goes on where it was."""

    async def work() -> None:
        _, part = await _planned(25)
        did = Recorder()
        task = asyncio.create_task(runner(part, did, terms=Terms(Concurrency(2))).run(0))
        await asyncio.sleep(5)
        await control.change(part.control, "paused")
        with pytest.raises(Paused, match="job resume"):
            await task
        assert did.keys == did.finished
        assert 20 <= len(did.keys) < 25
        await control.change(part.control, "running")
        totals = await runner(part, did, "next").run(0)
        assert (totals.rows, len(did.keys), len(set(did.keys))) == (25, 25, 25)

    virtual_time.run(work())


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (9, 9), (10, 10), (11, 10)])
def test_a_limit(limit: int, count: int) -> None:
    """Only so many objects are processed; with all of them the shard is done."""

    async def work() -> None:
        _, part = await _planned()
        did = Recorder()
        terms = Terms(Concurrency(3), halt=Halt(limit))
        if count < 10:
            with pytest.raises(LimitReached):
                await runner(part, did, terms=terms).run(0)
        else:
            await runner(part, did, terms=terms).run(0)
        assert len(did.keys) == count
        if limit == 11:
            with pytest.raises(LimitReached):
                await runner(part, did, terms=terms).run(1)
            assert len(did.keys) == 11

    virtual_time.run(work())


def test_an_interruption_finishes_what_has_begun() -> None:
    """Objects in flight are finished and recorded, and the shard is free at once."""

    async def work() -> None:
        _, part = await _planned()
        did, halt = Recorder(), Halt()
        task = asyncio.create_task(runner(part, did, terms=Terms(Concurrency(3), halt)).run(0))
        await asyncio.sleep(1.5)
        halt.begin(Interrupted("stopped"))
        with pytest.raises(Interrupted):
            await task
        assert (len(did.keys), len(did.finished)) == (6, 6)
        await runner(part, did, "next").run(0)
        assert len(did.keys) == 10

    virtual_time.run(work())


def test_too_many_failures_stop_all_processes() -> None:
    """The job is stopped for everyone, with the reason, and says how to go on."""

    async def work() -> None:
        _, part = await _planned(100)

        async def fail(row: Row) -> None:
            if row.key >= "k0050":
                raise Denied("may this key?")

        did = Recorder(fail)
        terms = Terms(Concurrency(1), failures=FailureWatch(0.5))
        with pytest.raises(StopFailing, match=r"20 of the last 20 objects failed.* denied.*resume"):
            await runner(part, did, terms=terms).run(0)
        found = await control.read(part.control)
        assert found is not None
        assert (found.state, len(did.keys)) == ("stopped", 20)
        await control.change(part.control, "running")
        totals = await runner(part, did, "next").run(0)
        record = await done.read(part.state, 0)
        assert record is not None
        failed = await failures.read(part.state, record.failed)
        assert (totals.failed, len(failed)) == (50, 50)
        assert (failed[0].row.key, failed[0].label) == ("k0050", "denied")

    virtual_time.run(work())


def test_another_process_has_stopped_the_job() -> None:
    """What one process finds, all obey at their next checkpoint."""

    async def work() -> None:
        _, part = await _planned(50)
        task = asyncio.create_task(runner(part, Recorder()).run(0))
        await asyncio.sleep(5)
        await control.change(part.control, "stopped", "30 of the last 40 objects failed")
        with pytest.raises(StopFailing, match="30 of the last 40"):
            await task

    virtual_time.run(work())


def test_an_overloaded_store() -> None:
    """Fewer objects are in progress while it lasts, and all of them come through."""

    async def work() -> None:
        _, part = await _planned(200)
        loop, concurrency, limits = asyncio.get_running_loop(), Concurrency(16), list[int]()

        async def storm(_: Row) -> None:
            limits.append(concurrency.limit)
            if 3 < loop.time() < 8:
                raise S3Error("SlowDown")

        totals = await runner(part, Recorder(storm), terms=Terms(concurrency)).run(0)
        assert totals.sums["made small"].objects == 200
        # How often attempts meet the storm depends on their pauses, which are random.
        assert min(limits) <= 4
        assert concurrency.limit == 16

    virtual_time.run(work())


def test_a_store_that_never_comes_back() -> None:
    """After some attempts an object fails with the reason, and a later round takes it up."""

    async def work() -> None:
        _, part = await _planned(3)

        async def never(_: Row) -> None:
            raise S3Error("ServiceUnavailable")

        did = Recorder(never)
        totals = await runner(part, did).run(0)
        assert (totals.failed, totals.labels) == (3, {("failed", "store unavailable"): 3})
        assert len(did.keys) == 12

    virtual_time.run(work())


def test_a_checkpoint_that_fails_is_repeated() -> None:
    """While the store does not take records, the work goes on, and nothing is recorded twice."""

    async def work() -> None:
        memory, part = await _planned(60)
        name = "j1/optimize/progress/00000000/00000001-00000000.jsonl.zst"
        memory.faults["PUT", name] = [503] * 7
        totals = await runner(part, Recorder()).run(0)
        record = await done.read(part.state, 0)
        assert record is not None
        records, _ = await Progress(part.state).read(0, record.progress, 60)
        assert (totals.rows, len(records)) == (60, 60)

    virtual_time.run(work())


def test_a_halted_process_claims_nothing() -> None:
    """No further shard is begun."""

    async def work() -> None:
        memory, part = await _planned()
        halt = Halt()
        halt.begin(Interrupted("stopped"))
        before = stored(memory)
        with pytest.raises(Halted):
            await runner(part, Recorder(), terms=Terms(Concurrency(1), halt)).run(0)
        assert stored(memory) == before

    virtual_time.run(work())


def test_a_damaged_record_is_an_error() -> None:
    """A record that cannot be read is not taken for work to do."""

    async def work() -> None:
        _, part = await _planned()
        await part.state.create("done/00000000.json", b"{}")
        with pytest.raises(Damaged, match="done/00000000"):
            await runner(part, Recorder()).run(0)

    virtual_time.run(work())


def _requests(memory: MemoryStore, since: int) -> Counter[str]:
    """Count requests to the job's bucket: by method, and listings apart."""
    sent = memory.requests[since:]
    return Counter("LIST" if not request.target.key else request.method for request in sent)


@pytest.mark.parametrize(("objects", "checkpoints"), [(5, 0), (25, 2), (45, 4)])
def test_what_a_shard_costs(objects: int, checkpoints: int) -> None:
    """The requests are those that docs/jobs.md has."""

    async def work() -> None:
        memory, part = await _planned(objects)
        since = len(memory.requests)
        await runner(part, Recorder()).run(0)
        expected = {"LIST": 1, "GET": 2 + checkpoints, "PUT": 4 + 2 * checkpoints}
        assert _requests(memory, since) == expected

    virtual_time.run(work())


def test_a_pause_ends_runs_of_short_shards() -> None:
    """It is obeyed also where every shard ends before its first checkpoint."""

    async def work() -> None:
        _, store = await memory_job()
        part = await planned(store, *(rows(3, f"s{number:02}-") for number in range(20)))
        did = Recorder()
        running = runner(part, did)
        await running.run(0)
        await control.change(part.control, "paused")
        with contextlib.suppress(Paused):
            for shard in range(1, 20):
                await running.run(shard)
        assert len(did.keys) <= 3 * CHECKPOINT_S

    virtual_time.run(work())


def test_a_process_works_on_a_shard_once_at_a_time() -> None:
    """A second call while the first is running, whose caller has lost it, is told so."""

    async def work() -> None:
        _, part = await _planned()
        did = Recorder()
        running = runner(part, did)
        first = asyncio.create_task(running.run(0))
        await asyncio.sleep(2.5)
        with pytest.raises(Taken):
            await running.run(0)
        assert (await first).rows == len(did.keys) == 10

    virtual_time.run(work())


def test_what_waits_for_its_turn_does_not_begin() -> None:
    """While the store is overloaded, a signal ends a run after the objects in flight alone."""

    async def work() -> None:
        _, part = await _planned()
        did, halt, concurrency = Recorder(), Halt(), Concurrency(8)
        for _ in range(3):
            concurrency.overloaded()
            await asyncio.sleep(1)
        running = asyncio.create_task(runner(part, did, terms=Terms(concurrency, halt)).run(0))
        await asyncio.sleep(0.5)
        halt.begin(Interrupted("stopped"))
        with pytest.raises(Interrupted):
            await running
        assert len(did.keys) == len(did.finished) == 1

    virtual_time.run(work())
