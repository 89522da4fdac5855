import asyncio

import pytest

from slimgate.gateway.jobs.pacing.concurrency import Concurrency
from tests import virtual_time


async def _peak(concurrency: Concurrency, objects: int) -> int:
    """Process objects that take a second each; return how many were in progress at most."""
    running = peak = 0

    async def one() -> None:
        nonlocal running, peak
        async with concurrency.turn():
            running += 1
            peak = max(peak, running)
            await asyncio.sleep(1)
            running -= 1

    await asyncio.gather(*(one() for _ in range(objects)))
    return peak


@pytest.mark.parametrize("most", [1, 3, 16])
def test_never_more_than_the_limit(most: int) -> None:
    """As many objects as allowed are in progress, and never more."""

    async def work() -> None:
        concurrency = Concurrency(most)
        assert await _peak(concurrency, 50) == most
        assert await _peak(concurrency, 50) == most

    virtual_time.run(work())


def test_overload_halves_it_and_success_restores_it() -> None:
    """It falls to one, however long the overload lasts, and comes back by one per round."""

    async def work() -> None:
        concurrency = Concurrency(16)
        limits = []
        for _ in range(6):
            concurrency.overloaded()
            concurrency.overloaded()  # the same overload
            limits.append(concurrency.limit)
            await asyncio.sleep(1)
        assert limits == [8, 4, 2, 1, 1, 1]
        assert await _peak(concurrency, 5) == 1
        for _ in range(3):
            concurrency.succeeded()
        assert concurrency.limit == 2
        for _ in range(1000):
            concurrency.succeeded()
        assert await _peak(concurrency, 50) == 16

    virtual_time.run(work())


def test_who_gives_up_waiting_takes_no_turn() -> None:
    """A cancelled object leaves its place to the next."""

    async def work() -> None:
        concurrency = Concurrency(1)
        order: list[int] = []

        async def one(number: int) -> None:
            async with concurrency.turn():
                order.append(number)
                await asyncio.sleep(1)

        tasks = [asyncio.create_task(one(number)) for number in range(4)]
        await asyncio.sleep(0.5)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [0, 2, 3]

    virtual_time.run(work())
