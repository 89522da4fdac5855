"""Plans of jobs, also interrupted and raced ones."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from slimgate.config import Originals, Policies, Policy
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.plan.planner import CannotPlan, Planner, shard_count
from slimgate.gateway.jobs.plan.selection import Selector
from slimgate.gateway.jobs.plan.source import Batch, Found, Position, Skipped
from slimgate.gateway.jobs.state.job_file import Digests, JobFile, NoJob, PlanFile, Source, read_job
from slimgate.gateway.jobs.state.shards import DamagedShard, Row, read_shard, shard_name
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.messages import Request
from tests.memory_store.store import MemoryStore

_POLICIES: Final = Policies((Policy(name="p", bucket="photos", prefix="a", mode="optimize"),))
_PLACE: Final = Place("photos", "")
_JOB: Final = Place("jobs", "j1")


@dataclass(slots=True)
class _Rows:
    """A source of numbered rows, a few per batch, that may break off.

    Attributes:
        count: Number of rows.
        breaks_after: Batches until it fails.
        began: Positions from which it was read.
    """

    count: int
    breaks_after: int = 1000
    began: list[int] = field(default_factory=list)

    async def batches(self, after: Position) -> AsyncIterator[Batch]:
        """Yield rows, each third of which no policy matches."""
        start = int(str(after.get("at", 0)))
        self.began.append(start)
        for number, first in enumerate(range(start, self.count, 4)):
            if number == self.breaks_after:
                raise ConnectionError
            indices = range(first, min(first + 4, self.count))
            yield Batch([_found(index) for index in indices], [index + 1 for index in indices], 0)


def _found(index: int) -> Found:
    return Found(Row(f"{'b' if index % 3 == 2 else 'a'}{index:05}", index + 1))


def _plan(**changes: Any) -> PlanFile:
    plan = PlanFile(
        bucket="photos", prefix="", source=Source(kind="list"), selection="policies",
        keys_per_shard=5, created=datetime.now(UTC), digests=Digests.of(_POLICIES, "photos"),
    )  # fmt: skip
    return plan.model_copy(update=changes)


def _planner(store: JobStore, **changes: Any) -> Planner:
    return Planner(store, _plan(**changes), Selector(_POLICIES, _PLACE, _JOB, "policies"))


@pytest.fixture
def memory() -> MemoryStore:
    """Return a store in memory."""
    return MemoryStore()


@pytest.fixture
async def store(memory: MemoryStore) -> JobStore:
    """Return a prefix without a job."""
    client = memory.client()
    async with client.send(Request("PUT", Target("jobs", "", ""))):
        pass
    return JobStore(client, _JOB, ())


async def _rows(store: JobStore, job: JobFile) -> list[Row]:
    return [row for n in range(job.shards) for row in (await read_shard(store, n))[1]]


async def test_a_plan_has_all_rows_in_order(store: JobStore) -> None:
    """Shards hold the wanted rows in the order of the source; the others are counted."""
    job = await _planner(store).run(_Rows(50))
    expected = [_found(index).row for index in range(50) if index % 3 != 2]
    assert await _rows(store, job) == expected
    assert (job.shards, job.rows, job.bytes) == (7, 34, sum(row.size or 0 for row in expected))
    assert job.skipped == {"no policy": 16}
    assert await read_job(store) == job


@pytest.mark.parametrize("breaks_after", [0, 1, 2, 3, 5, 12])
async def test_interrupted_plans_go_on(store: JobStore, breaks_after: int) -> None:
    """Wherever a plan stops, repeating it has the same outcome, without reading all again."""
    whole = JobStore(store.client, Place("jobs", "whole"), ())
    expected = await _planner(whole).run(_Rows(50))
    source = _Rows(50, breaks_after)
    with pytest.raises(ConnectionError):
        await _planner(store).run(source)
    with pytest.raises(NoJob, match="incomplete"):
        await read_job(store)
    source.breaks_after = 1000
    job = await _planner(store).run(source)
    created = {"created": expected.created}
    assert job.model_copy(update=created) == expected
    assert await _rows(store, job) == await _rows(whole, expected)
    # The last shard that may have been in flight is read again.
    assert source.began[1] >= 4 * breaks_after - 15


async def test_a_planned_job_stays(store: JobStore, memory: MemoryStore) -> None:
    """Planning again reads nothing and writes nothing."""
    job = await _planner(store).run(_Rows(50))
    source, before = _Rows(60), len(memory.requests)
    assert await _planner(store).run(source) == job
    assert source.began == []
    assert {request.method for request in memory.requests[before:]} == {"GET", "HEAD"}


@pytest.mark.parametrize("sealed", [True, False])
async def test_another_plan_is_refused(store: JobStore, *, sealed: bool) -> None:
    """A prefix has one plan, complete or not; the message names what differs."""
    if sealed:
        await _planner(store).run(_Rows(10))
    else:
        with pytest.raises(ConnectionError):
            await _planner(store).run(_Rows(10, 1))
    with pytest.raises(CannotPlan, match="has a plan with other prefix and keys_per_shard"):
        await _planner(store, prefix="a", keys_per_shard=6).run(_Rows(10))


async def test_one_of_two_planners_wins(store: JobStore) -> None:
    """Processes that plan the same at once never mix: one completes, or both find the same."""
    first, second = _planner(store), _planner(store)
    done = await asyncio.gather(first.run(_Rows(50)), second.run(_Rows(49)), return_exceptions=True)
    jobs = [each for each in done if isinstance(each, JobFile)]
    assert [each for each in done if not isinstance(each, JobFile | CannotPlan)] == []
    job = await read_job(store)
    assert all(each == job for each in jobs)
    assert len(await _rows(store, job)) == job.rows


async def test_damaged_shards_stop_a_plan(store: JobStore) -> None:
    """A plan does not go on after a shard that cannot be read."""
    with pytest.raises(ConnectionError):
        await _planner(store).run(_Rows(50, 5))
    last = await shard_count(store) - 1
    await store.delete(shard_name(last))
    await store.create(shard_name(last), b"torn")
    with pytest.raises(DamagedShard):
        await _planner(store).run(_Rows(50))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 33])
async def test_shards_are_counted(store: JobStore, count: int) -> None:
    """The number of shards is found without listing them."""
    for number in range(count):
        await store.create(shard_name(number), b"")
    assert await shard_count(store) == count


async def test_nothing_to_plan_is_a_job(store: JobStore) -> None:
    """A bucket without images has a job without shards."""
    job = await _planner(store).run(_Rows(0))
    assert (job.shards, job.rows, await read_job(store)) == (0, 0, job)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (Row("a1", 5), None),
        (Row("a1"), None),
        (Row("b", 5), Skipped.NO_POLICY),
        (Row("a/", 5), Skipped.FOLDER),
        (Row("a1", 0), Skipped.SIZE),
        (Row("a1", (64 << 20) + 1), Skipped.SIZE),
        (Row("c", 5), Skipped.OTHER_PREFIX),
        (Row("a-job/job.json", 5), Skipped.OF_JOB),
        (Row("a-job2", 5), None),
        (Row("a-kept/x", 5), Skipped.ORIGINAL),
    ],
)
def test_selection(row: Row, reason: Skipped | None) -> None:
    """Only objects that may be managed are planned."""
    keeps = Originals(keep="photos", prefix="a-kept/")
    policies = Policies(
        (
            Policy(name="p", bucket="photos", prefix="a", mode="optimize"),
            Policy(name="q", bucket="scans", mode="optimize", originals=keeps),
        )
    )
    prefix = row.key[0] if row.key != "c" else "a"
    selector = Selector(policies, Place("photos", prefix), Place("photos", "a-job"), "policies")
    assert selector.skips(row) == reason


def test_samples() -> None:
    """A sample has about its share of the keys, the same ones each time, and no others."""
    keys = [f"a{n}" for n in range(10_000)]

    def sampled(share: float) -> set[str]:
        selector = Selector(_POLICIES, _PLACE, _JOB, "policies", share)
        return {key for key in keys if selector.skips(Row(key, 1)) is None}

    assert 60 < len(sampled(0.01)) < 140
    assert sampled(0.01) < sampled(0.02)
    assert sampled(1.0) == {*keys}


@pytest.mark.parametrize(
    ("row", "reason"),
    [(Row("b", 1 << 40), None), (Row("b", 0), Skipped.SIZE), (Row("b/", 1), Skipped.FOLDER)],
)
def test_all_keys(row: Row, reason: Skipped | None) -> None:
    """Without policies, too, empty objects and folders are left out."""
    assert Selector(_POLICIES, _PLACE, _JOB, "all").skips(row) == reason
