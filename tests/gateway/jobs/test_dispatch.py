"""Several processes on one round, in virtual time on the store in memory."""

import asyncio
import pickle

import pytest

from slimgate.gateway.jobs.dispatch import WorkerLost, dispatch
from slimgate.gateway.jobs.halt import Halt, Interrupted, LimitReached
from slimgate.gateway.jobs.pacing.concurrency import Concurrency
from slimgate.gateway.jobs.shard_runner import ShardRunner
from slimgate.gateway.jobs.state import control, done
from slimgate.gateway.jobs.state.done import ShardTotals
from slimgate.gateway.jobs.state.leases import LASTS_S, LeaseLost, Taken
from slimgate.gateway.jobs.state.rounds import Round
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.jobs.terms import StoreAway, Terms
from slimgate.gateway.storage.errors import Denied
from tests import virtual_time
from tests.gateway.jobs.jobs import Recorder, memory_job, planned, rows, runner

_SHARDS = 7


async def _planned() -> Round:
    _, store = await memory_job()
    return await planned(store, *(rows(10, f"s{number}-") for number in range(_SHARDS)))


def _process(part: Round, work: Recorder, name: str, halt: Halt) -> ShardRunner:
    return runner(part, work, name, Terms(Concurrency(2), halt))


async def _all_done(part: Round) -> bool:
    return await done.shards(part.state) == set(range(_SHARDS))


def test_processes_share_a_round() -> None:
    """Each object is processed once, and all processes end when all is done."""

    async def work() -> None:
        part, did = await _planned(), [Recorder() for _ in range(3)]
        halts = [Halt() for _ in did]
        await asyncio.gather(
            *(
                dispatch(part, [_process(part, each, f"p{index}", halts[index])], halts[index])
                for index, each in enumerate(did)
            )
        )
        keys = [key for each in did for key in each.keys]
        assert (len(keys), len(set(keys))) == (70, 70)
        assert await _all_done(part)
        assert all(each.keys for each in did)

    virtual_time.run(work())


def test_a_dead_process_is_replaced() -> None:
    """Its shards are taken over when their leases have run out; only what was not saved is lost."""

    async def work() -> None:
        part, killed, left = await _planned(), Recorder(), Recorder()
        halt = Halt()
        first = asyncio.create_task(dispatch(part, [_process(part, killed, "killed", halt)], halt))
        await asyncio.sleep(13.5)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        halt = Halt()
        await dispatch(part, [_process(part, left, "left", halt)], halt)
        assert await _all_done(part)
        repeated = set(killed.keys) & set(left.keys)
        assert len(killed.keys) + len(left.keys) == 70 + len(repeated)
        assert 0 < len(repeated) <= 10
        assert asyncio.get_running_loop().time() > LASTS_S

    virtual_time.run(work())


def test_a_halt_ends_a_process_that_waits() -> None:
    """A process that has nothing to do but wait for others ends at once."""

    async def work() -> None:
        _, store = await memory_job()
        part = await planned(store, rows(100))
        busy = asyncio.create_task(runner(part, Recorder(), "busy").run(0))
        await asyncio.sleep(1)
        halt = Halt()
        waiting = asyncio.create_task(
            dispatch(part, [_process(part, Recorder(), "waiting", halt)], halt)
        )
        await asyncio.sleep(1.25)
        halt.begin(Interrupted("stopped"))
        with pytest.raises(Interrupted):
            await waiting
        assert asyncio.get_running_loop().time() == pytest.approx(2.25)
        busy.cancel()

    virtual_time.run(work())


def test_a_limit_is_of_the_whole_process() -> None:
    """It counts over all shards."""

    async def work() -> None:
        part, did, halt = await _planned(), Recorder(), Halt(25)
        with pytest.raises(LimitReached):
            await dispatch(part, [_process(part, did, "p", halt)], halt)
        assert len(did.keys) == 25

    virtual_time.run(work())


def test_an_error_ends_the_run_in_order() -> None:
    """When the job may not write its state, other shards are recorded, and the error is raised."""

    async def work() -> None:
        memory, store = await memory_job()
        part = await planned(store, rows(10, "a"), rows(10, "b"))
        memory.faults["PUT", "j1/optimize/done/00000000.json"] = [403]
        did, halt = Recorder(), Halt()
        with pytest.raises(Denied):
            await dispatch(part, [_process(part, did, "p", halt)], halt)
        assert did.keys == did.finished

    virtual_time.run(work())


class _Flaky:
    """A worker that dies, or whose store is away, before it works."""

    def __init__(self, worker: ShardRunner, errors: list[Exception]) -> None:
        self._worker = worker
        self._errors = errors

    async def run(self, shard: int) -> ShardTotals:
        """Fail, or run."""
        if self._errors:
            raise self._errors.pop()
        return await self._worker.run(shard)


@pytest.mark.parametrize(
    "errors",
    [[WorkerLost("killed")] * 9, [LeaseLost("taken")] * 9, [StoreAway("no answer")] * 4],
)
def test_shards_are_tried_again(errors: list[Exception]) -> None:
    """A lost worker or lease, or a store that is away for a while, does not end the run."""

    async def work() -> None:
        part, did, halt = await _planned(), Recorder(), Halt()
        await dispatch(part, [_Flaky(_process(part, did, "p", halt), errors)], halt)
        assert await _all_done(part)
        assert len(did.keys) == 70

    virtual_time.run(work())


def test_a_store_that_is_away_ends_the_run() -> None:
    """After some shards in a row the error is raised."""

    async def work() -> None:
        part, halt = await _planned(), Halt()
        worker = _Flaky(_process(part, Recorder(), "p", halt), [StoreAway("no answer")] * 99)
        with pytest.raises(StoreAway):
            await dispatch(part, [worker], halt)
        assert asyncio.get_running_loop().time() < 120

    virtual_time.run(work())


def test_a_paused_job_ends_all_processes() -> None:
    """They end at their next checkpoints, and all goes on later."""

    async def work() -> None:
        part, did = await _planned(), Recorder()
        halts = [Halt(), Halt()]
        running = [
            asyncio.create_task(dispatch(part, [_process(part, did, f"p{i}", halt)], halt))
            for i, halt in enumerate(halts)
        ]
        await asyncio.sleep(5)
        await control.change(part.control, "paused")
        ended = await asyncio.gather(*running, return_exceptions=True)
        assert all("job resume" in str(error) for error in ended)
        await control.change(part.control, "running")
        halt = Halt()
        await dispatch(part, [_process(part, did, "later", halt)], halt)
        assert (len(did.keys), len(set(did.keys))) == (70, 70)

    virtual_time.run(work())


@pytest.mark.parametrize(
    "error",
    [Taken("p", 3.0), LeaseLost("lost"), StoreAway("away"), Interrupted("end"), Denied("no", "x")],
)
def test_errors_travel_between_processes(error: Exception) -> None:
    """What a worker raises can be pickled."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    assert (type(copy), str(copy)) == (type(error), str(error))


def test_totals_travel_between_processes() -> None:
    """What a worker returns can be pickled."""

    async def work() -> None:
        _, store = await memory_job()
        part = await planned(store, [Row("k", 5)])
        totals = await runner(part, Recorder()).run(0)
        assert pickle.loads(pickle.dumps(totals)) == totals  # noqa: S301  # our own

    virtual_time.run(work())
