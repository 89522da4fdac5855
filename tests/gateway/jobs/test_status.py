"""What commands say about a job, on the store in memory in virtual time."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from slimgate.gateway.jobs import report, status
from slimgate.gateway.jobs.halt import Halt, Interrupted
from slimgate.gateway.jobs.opened_job import Job, open_job
from slimgate.gateway.jobs.pacing.concurrency import Concurrency
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.retry_failed import _HEADER, retry_failed
from slimgate.gateway.jobs.state import control, done
from slimgate.gateway.jobs.state.done import Done, ShardTotals, Sum
from slimgate.gateway.jobs.state.job_file import JOB_FILE, Digests, JobFile, NoJob, Source
from slimgate.gateway.jobs.state.rounds import Round
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.jobs.status import Status
from slimgate.gateway.jobs.tally import tally
from slimgate.gateway.jobs.terms import Terms
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.errors import Denied
from tests import virtual_time
from tests.gateway.jobs.jobs import Recorder, memory_job, planned, rows, runner
from tests.memory_store.store import MemoryStore


async def _job(*shards: list[Row]) -> tuple[MemoryStore, Job, Round]:
    memory, store = await memory_job()
    part = await planned(store, *shards)
    every = [row for each in shards for row in each]
    file = JobFile(
        bucket="photos",
        prefix="a/",
        source=Source(kind="list"),
        selection="policies",
        keys_per_shard=10,
        created=datetime(2030, 1, 1, tzinfo=UTC),
        digests=Digests(policies="p", restorers="r", packages="k"),
        shards=len(shards),
        rows=len(every),
        bytes=sum(row.size or 0 for row in every),
        skipped={},
    )
    await store.create(JOB_FILE, file.dumps())
    return memory, await open_job(store.client, store.place), part


async def _fail(row: Row) -> None:
    raise Denied(f"{row.key[-4:]}: may this key?")


async def _fail_some(row: Row) -> None:
    if row.key.endswith("3"):
        raise Denied("may this key?")


async def _status(job: Job) -> Status:
    ((name, state),) = (await job.begun()).items()
    return await status.status(job, name, state)


def test_a_job_in_progress() -> None:
    """Shards, objects, rate, time left and workers are known while it runs."""

    async def work() -> None:
        _, job, part = await _job(*(rows(10, f"s{number}-") for number in range(4)))
        first = runner(part, Recorder())
        await first.run(0)
        await first.run(1)
        task = asyncio.create_task(runner(part, Recorder(), "second", checkpoint_s=2).run(2))
        await asyncio.sleep(5)
        found = await _status(job)
        said = found.as_json()
        assert (said["shards"], said["shards_done"], said["done"]) == (4, 2, 20)
        assert (said["workers"], said["objects_per_s"]) == (["second"], 1.0)
        assert (said["in_progress"], said["left"], said["eta_s"]) == (4, 16, 16.0)
        lines = str(found).splitlines()
        assert lines[0] == "optimize: running, 1 workers"
        assert lines[1] == "  2 of 4 shards, 24 of 40 objects, 0 failed"
        assert lines[3] == "  1.0 objects per second, 0 min 16 s left"
        json.dumps(said)
        await task

    virtual_time.run(work())


def test_failed_objects_are_tried_again() -> None:
    """They make another round; what fails there makes the next; sums count each object once."""

    async def work() -> None:
        memory, job, part = await _job(rows(20, "a"), rows(15, "b"))
        failing = Recorder(_fail_some)
        with pytest.raises(UsageError, match="2 shards are not done"):
            await retry_failed(job, "optimize")
        for shard in (0, 1):
            await runner(part, failing).run(shard)
        counted = await tally(await job.rounds("optimize"))
        assert (counted.failed, counted.left, counted.totals.rows) == (4, 0, 35)
        spec = await retry_failed(job, "optimize")
        del memory.buckets["jobs"].keys["j1/optimize/retries/1/round.json"]
        assert spec == await retry_failed(job, "optimize")  # as if it had been killed
        assert spec is not None
        assert (spec.number, spec.count, spec.rows) == (1, 1, 4)
        counted = await tally(await job.rounds("optimize"))
        assert (counted.failed, counted.left, counted.totals.rows) == (0, 4, 31)
        again = Recorder()
        await runner((await job.rounds("optimize"))[-1], again).run(0)
        assert sorted(again.keys) == ["a0003", "a0013", "b0003", "b0013"]
        counted = await tally(await job.rounds("optimize"))
        assert (counted.failed, counted.left, counted.totals.rows) == (0, 0, 35)
        assert await retry_failed(job, "optimize") is None

    virtual_time.run(work())


def test_shards_of_another_round_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed rows with long keys make as many shards as their bytes need."""
    monkeypatch.setattr("slimgate.gateway.jobs.retry_failed.MAX_TEXT_BYTES", _HEADER + 3000)

    async def work() -> None:
        _, job, part = await _job(rows(20, "a" * 1000))
        await runner(part, Recorder(_fail)).run(0)
        spec = await retry_failed(job, "optimize")
        assert spec is not None
        assert (spec.count, spec.rows) == (10, 20)

    virtual_time.run(work())


def test_a_mended_shard_is_tried_again() -> None:
    """A damaged shard that is whole again makes another round; until then it is reported."""

    async def work() -> None:
        memory, job, part = await _job(rows(5, "a"), rows(5, "b"))
        version = memory.buckets["jobs"].keys["j1/shards/00000001.jsonl.zst"][-1]
        whole, version.data = version.data, version.data[:-9]
        for shard in (0, 1):
            await runner(part, Recorder()).run(shard)
        assert await retry_failed(job, "optimize") is None
        counted = await tally(await job.rounds("optimize"))
        assert (counted.totals.rows, counted.left, list(counted.totals.damaged)) == (5, 5, [1])
        version.data = whole
        spec = await retry_failed(job, "optimize")
        assert spec is not None
        assert (spec.count, spec.rows, spec.mended) == (1, 5, (1,))
        await runner((await job.rounds("optimize"))[-1], Recorder()).run(0)
        counted = await tally(await job.rounds("optimize"))
        assert (counted.totals.rows, counted.left, counted.totals.damaged) == (10, 0, {})

    virtual_time.run(work())


def test_the_report() -> None:
    """It has sums, reasons with their meaning, failed keys, and what is not done."""

    async def work() -> None:
        _, job, part = await _job(rows(10, "a\n"), rows(5, "b"))
        await runner(part, Recorder(_fail_some)).run(0)
        parts = await job.rounds("optimize")
        lines = (await report.report(parts, await tally(parts))).splitlines()
        assert lines[1].split() == ["failed", "1", "103", "103", "0.0", "%"]
        assert lines[4] == "5 objects are left"
        assert lines[6].startswith("failed, denied: 1 (the store does not permit a request")
        assert lines[7:] == ["failed, 1 of 1:", "  a?0003: may this key?"]
        each = [json.loads(line) async for line in report.objects(parts)]
        assert [line["key"] for line in each] == [f"a\n{index:04}" for index in range(10)]
        assert each[3]["label"] == "denied"

    virtual_time.run(work())


def test_an_unfinished_shard_counts() -> None:
    """What was recorded before an interruption is in the sums of the report."""

    async def work() -> None:
        _, job, part = await _job(rows(10))
        halt = Halt()
        task = asyncio.create_task(
            runner(part, Recorder(), terms=Terms(Concurrency(1), halt)).run(0)
        )
        await asyncio.sleep(3.5)
        halt.begin(Interrupted("stopped"))
        await asyncio.gather(task, return_exceptions=True)
        parts = await job.rounds("optimize")
        assert (await tally(parts)).totals.rows == 0
        counted = await tally(parts, unfinished=True)
        assert (counted.totals.rows, counted.left) == (4, 6)
        assert (await _status(job)).held == []

    virtual_time.run(work())


def test_the_action_may_be_left_out() -> None:
    """Commands choose the only action that has begun; with several they ask which."""

    async def work() -> None:
        _, job, part = await _job(rows(1))
        assert await job.the_one(None, dry_run=False) == "optimize"
        with pytest.raises(UsageError, match="drain has not begun"):
            await job.the_one("drain", dry_run=False)
        dry = job.store.at("drain-dry-run")
        await control.begin(dry, {})
        assert await job.the_one("drain", dry_run=True) == "drain-dry-run"
        with pytest.raises(UsageError, match="optimize, drain-dry-run"):
            await job.the_one(None, dry_run=False)
        assert part.control == job.store.at("optimize")

    virtual_time.run(work())


def test_options_stay_the_same() -> None:
    """A run with other options is refused, unless the change is accepted."""

    async def work() -> None:
        _, store = await memory_job()
        await control.begin(store, {"remove_replaced": True})
        with pytest.raises(control.Differs, match=r"--remove-replaced.*--accept-changes"):
            await control.begin(store, {"remove_replaced": False})
        accepted = await control.begin(store, {"remove_replaced": False}, accept=True)
        assert accepted == await control.begin(store, {"remove_replaced": False})

    virtual_time.run(work())


def test_the_first_reason_to_stop_counts() -> None:
    """Any number of processes may stop an action at once; to accept options resumes nothing."""

    async def work() -> None:
        _, store = await memory_job()
        await control.begin(store, {})
        await asyncio.gather(*(control.change(store, "stopped", f"r{n}") for n in range(30)))
        first = await control.read(store)
        assert first is not None
        assert (first.state, first.changes) == ("stopped", 1)
        accepted = await control.begin(store, {"no_originals": True}, accept=True)
        assert (accepted.state, accepted.reason) == ("stopped", first.reason)

    virtual_time.run(work())


def test_states_of_others_cannot_command_a_terminal() -> None:
    """Reasons and verdicts are shown without control characters."""

    async def work() -> None:
        _, job, part = await _job(rows(1))
        await control.change(part.control, "stopped", "\x1b[2J")
        odd = Sum(1, 5, 5)
        totals = ShardTotals(1, {"\x1b[2Ja": odd}, {("\x1b[2Ja", "\nb"): 1}, {0: "\x1b[2J"})
        await done.record(part.state, Done(0, 1, totals))
        shown = str(await _status(job))
        parts = await job.rounds("optimize")
        shown += await report.report(parts, await tally(parts))
        assert "\x1b" not in shown
        assert "?b: 1" in shown

    virtual_time.run(work())


def test_no_job() -> None:
    """Where nothing is planned, that is said."""

    async def work() -> None:
        _, store = await memory_job()
        with pytest.raises(NoJob, match="job plan"):
            await open_job(store.client, store.place)

    virtual_time.run(work())


def test_a_store_that_is_away() -> None:
    """An unreadable state is an error, and no state."""

    async def work() -> None:
        memory, job, _ = await _job(rows(1))
        memory.faults["GET", "j1/optimize/control.json"] = [503] * 9
        with pytest.raises(S3Error):
            await job.begun()

    virtual_time.run(work())
