"""Test single-flight."""

import asyncio

import pytest

from slimgate.gateway.cache.single_flight import SingleFlight


class _Work:
    """Work that counts its starts and finishes on demand."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = 0
        self.cancelled = 0
        self.go_on = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self._error = error

    async def __call__(self) -> int:
        self.begun += 1
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            await self.may_end.wait()
            raise
        if self._error:
            raise self._error
        return self.begun


async def _turns() -> None:
    """Run all ready tasks."""
    for _ in range(10):
        await asyncio.sleep(0)


def _waiters(flights: SingleFlight[int], work: _Work, count: int) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(flights.run("key", work)) for _ in range(count)]


async def test_many_wait_for_one_work() -> None:
    """All callers of a key share one run and get its result."""
    flights, work = SingleFlight[int](), _Work()
    waiters = _waiters(flights, work, 20)
    await _turns()
    work.go_on.set()
    assert await asyncio.gather(*waiters) == [1] * 20
    assert (work.begun, flights._flights) == (1, {})


async def test_keys_do_not_share() -> None:
    """Different keys run concurrently."""
    flights, works = SingleFlight[int](), [_Work(), _Work()]
    keys = [("bucket", "a"), ("bucket", "b")]
    waiters = [
        asyncio.create_task(flights.run(key, work)) for key, work in zip(keys, works, strict=True)
    ]
    await _turns()
    assert [work.begun for work in works] == [1, 1]
    for work in works:
        work.go_on.set()
    assert await asyncio.gather(*waiters) == [1, 1]


async def test_results_are_not_kept() -> None:
    """A call after the end starts a new run."""
    flights, work = SingleFlight[int](), _Work()
    work.go_on.set()
    assert [await flights.run("key", work), await flights.run("key", work)] == [1, 2]


async def test_errors_reach_everybody_and_are_not_kept() -> None:
    """An error reaches every waiter; the next call starts a new run."""
    flights, work = SingleFlight[int](), _Work(ValueError("broken"))
    waiters = _waiters(flights, work, 3)
    await _turns()
    work.go_on.set()
    results = await asyncio.gather(*waiters, return_exceptions=True)
    assert [str(result) for result in results] == ["broken"] * 3
    assert [type(result) for result in results] == [ValueError] * 3
    healed = _Work()
    healed.go_on.set()
    assert await flights.run("key", healed) == 1


async def test_one_that_leaves_takes_nobody_along() -> None:
    """Cancelling a waiter, even the first, affects neither the work nor the others."""
    flights, work = SingleFlight[int](), _Work()
    waiters = _waiters(flights, work, 3)
    await _turns()
    for leaving in waiters[:2]:
        leaving.cancel()
    await _turns()
    assert [waiter.cancelled() for waiter in waiters] == [True, True, False]
    assert work.cancelled == 0
    work.go_on.set()
    assert await waiters[2] == 1


async def test_the_last_one_that_leaves_cancels_the_work() -> None:
    """Work without waiters is cancelled and forgotten."""
    flights, work = SingleFlight[int](), _Work()
    waiters = _waiters(flights, work, 3)
    await _turns()
    for leaving in waiters:
        leaving.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    await _turns()
    assert (work.begun, work.cancelled, flights._flights) == (1, 1, {})


async def test_nobody_joins_what_is_being_cancelled() -> None:
    """A call during the cancellation of abandoned work starts a new run."""
    flights, abandoned, fresh = SingleFlight[int](), _Work(), _Work()
    abandoned.may_end.clear()
    (waiter,) = _waiters(flights, abandoned, 1)
    await _turns()
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    (successor,) = _waiters(flights, fresh, 1)
    await _turns()
    assert (abandoned.cancelled, fresh.begun) == (1, 1)
    abandoned.may_end.set()
    await _turns()
    assert list(flights._flights) == ["key"]
    fresh.go_on.set()
    assert await successor == 1
    assert flights._flights == {}


async def test_work_may_be_abandoned_before_it_begins() -> None:
    """A waiter that is cancelled immediately leaves nothing behind."""
    flights, work = SingleFlight[int](), _Work()
    (waiter,) = _waiters(flights, work, 1)
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    await _turns()
    assert flights._flights == {}
