import asyncio
import itertools

from slimgate.gateway.http.body_scheduler import BodyScheduler


async def _steps(scheduler: BodyScheduler, takers: int) -> list[int]:
    """Return how many takers were served after each step of the event loop."""
    tasks = [asyncio.create_task(scheduler.acquire()) for _ in range(takers)]
    seen = [0]
    while seen[-1] < takers:
        await asyncio.sleep(0)
        seen.append(sum(task.done() for task in tasks))
    return seen


def test_so_many_in_each_step() -> None:
    """Each step serves at most the given number of pieces, and all are served soon."""
    seen = asyncio.run(_steps(BodyScheduler(4), 40))
    assert max(later - earlier for earlier, later in itertools.pairwise(seen)) <= 4
    assert len(seen) <= 40


def test_who_is_alone_does_not_wait() -> None:
    """A single body does not wait for the event loop."""

    async def alone() -> bool:
        taking = BodyScheduler(4).acquire()
        try:
            taking.send(None)
        except StopIteration:
            return True
        return False

    assert asyncio.run(alone())


def test_turns_of_clients_that_have_gone_are_passed_on() -> None:
    """Cancelled waiters do not use up slots."""

    async def given_up() -> list[bool]:
        scheduler = BodyScheduler(1)
        tasks = [asyncio.create_task(scheduler.acquire()) for _ in range(9)]
        await asyncio.sleep(0)
        for task in tasks[2:8]:
            task.cancel()
        await asyncio.wait_for(tasks[8], 5)
        return [task.cancelled() for task in tasks]

    assert asyncio.run(given_up()) == [False] * 2 + [True] * 6 + [False]
