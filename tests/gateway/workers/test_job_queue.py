import asyncio

import pytest

from slimgate.gateway.workers.client_jobs import Busy, ClientJobs
from slimgate.gateway.workers.fair_shares import CLIENT, NOBODY, Client
from slimgate.gateway.workers.job_queue import JobQueue


class _Scene:
    """A queue with one slot, and the order of the jobs that had it."""

    def __init__(self, max_waiting: int = 4, max_wait_s: float = 60.0) -> None:
        self.queue = JobQueue(1, max_waiting, max_wait_s)
        self.had: list[str] = []
        self.released = asyncio.Event()

    async def visit(self, name: str, *, urgent: bool = False, client: Client = NOBODY) -> None:
        CLIENT.set(client)
        async with self.queue.slot(urgent=urgent):
            self.had.append(name)
            await self.released.wait()

    async def enter(
        self, name: str, *, urgent: bool = False, client: Client = NOBODY
    ) -> "asyncio.Task[None]":
        task = asyncio.create_task(self.visit(name, urgent=urgent, client=client))
        await asyncio.sleep(0)
        return task


async def test_who_presses_goes_first() -> None:
    """Urgent jobs get three of four slots, each kind in order."""
    scene = _Scene(max_waiting=10)
    tasks = [await scene.enter("first")]
    tasks += [await scene.enter(f"patient {number}") for number in range(2)]
    tasks += [await scene.enter(f"pressing {number}", urgent=True) for number in range(4)]
    assert scene.queue.waiting == 6
    scene.released.set()
    await asyncio.gather(*tasks)
    expected = ["first", "pressing 0", "pressing 1", "pressing 2", "patient 0", "pressing 3"]
    assert scene.had == [*expected, "patient 1"]


async def test_a_full_line_sends_away_at_once() -> None:
    """A full queue refuses jobs; an urgent job displaces the last deferrable one."""
    scene = _Scene(max_waiting=2)
    tasks = [await scene.enter(name) for name in ("first", "second", "third")]
    with pytest.raises(Busy, match="2 images are waiting"):
        await scene.visit("fourth")
    tasks.append(await scene.enter("pressing", urgent=True))
    with pytest.raises(Busy, match="download"):
        await tasks[2]
    tasks.append(await scene.enter("pressing too", urgent=True))
    with pytest.raises(Busy, match="2 images are waiting"):
        await scene.visit("one too many", urgent=True)
    scene.released.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert scene.had == ["first", "pressing", "pressing too"]


async def test_nobody_waits_for_ever() -> None:
    """A job that waits too long is refused and leaves nothing behind."""
    scene = _Scene(max_wait_s=0.01)
    first = await scene.enter("first")
    with pytest.raises(Busy, match=r"0\.01 s"):
        await scene.visit("second")
    assert scene.queue.waiting == 0
    scene.released.set()
    await first
    await scene.visit("third")
    assert scene.had == ["first", "third"]


@pytest.mark.parametrize("given", [False, True])
async def test_a_turn_that_is_given_up_is_not_lost(given: bool) -> None:
    """A cancelled job passes its slot on, even if it was just granted."""
    scene = _Scene()
    first, second = await scene.enter("first"), await scene.enter("second")
    third = await scene.enter("third")
    if given:
        scene.released.set()
        await first
    second.cancel()
    scene.released.set()
    await asyncio.gather(first, third)
    assert scene.had[-1] == "third"
    assert (scene.queue.waiting, second.cancelled() or second.done()) == (0, True)
    await scene.visit("fourth")


async def test_a_newcomer_need_not_wait_for_a_flood() -> None:
    """The client that has had least is next, and each client's jobs go in order."""
    scene, flood, one = _Scene(max_waiting=10), Client("tenant", "10.0.0.1"), Client("other")
    tasks = [await scene.enter(f"flood {number}", client=flood) for number in range(4)]
    tasks.append(await scene.enter("newcomer", client=one))
    scene.released.set()
    await asyncio.gather(*tasks)
    assert scene.had == ["flood 0", "newcomer", "flood 1", "flood 2", "flood 3"]


async def test_a_flood_gives_way_in_a_full_queue() -> None:
    """The last job of the client that fills the queue is refused, and nobody else's."""
    scene, flood, one = _Scene(max_waiting=3), Client("tenant"), Client("other")
    tasks = [await scene.enter(f"flood {number}", client=flood) for number in range(4)]
    with pytest.raises(Busy, match="3 images"):
        await scene.visit("flood 4", client=flood)
    tasks.append(await scene.enter("newcomer", client=one))
    with pytest.raises(Busy, match="3 images"):
        await tasks[3]
    with pytest.raises(Busy, match="3 images"):
        await scene.visit("one too many", client=one)
    scene.released.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert scene.had == ["flood 0", "newcomer", "flood 1", "flood 2"]


async def test_jobs_of_one_client_are_bounded() -> None:
    """Waiting and running ones count; jobs of the gateway's own and of others do not."""
    scene = _Scene(max_waiting=10)
    scene.queue = JobQueue(1, 10, 60, jobs=ClientJobs(per_address=3, per_identity=2))
    tasks = [await scene.enter("one", client=Client("a", "192.0.2.1"))]
    tasks.append(await scene.enter("two", client=Client("a", "192.0.2.2")))
    with pytest.raises(Busy, match="one identity has 2 images"):
        await scene.visit("three", client=Client("a", "192.0.2.3"))
    tasks += [await scene.enter("other", client=Client(key, "192.0.2.1")) for key in ("b", "")]
    with pytest.raises(Busy, match="one address has 3 images"):
        await scene.visit("four", client=Client("c", "192.0.2.1"))
    tasks += [await scene.enter("own") for _ in range(3)]
    scene.released.set()
    await asyncio.gather(*tasks)
    await scene.visit("later", client=Client("a", "192.0.2.1"))
    assert len(scene.had) == 8
