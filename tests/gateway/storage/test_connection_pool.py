import asyncio

import pytest

from gateway.s3.errors import S3Error
from gateway.storage.connection_pool import Pool


class _Scene:
    """A pool, and who has had a place so far."""

    def __init__(self, places: int, share: float = 1.0, max_wait_s: float = 60.0) -> None:
        self.pool = Pool(places, share, max_wait_s)
        self.had: list[str | None] = []
        self._released: dict[asyncio.Task[None], asyncio.Event] = {}

    async def enter(self, *clients: str | None) -> list["asyncio.Task[None]"]:
        entered = []
        for client in clients:
            released = asyncio.Event()
            task = asyncio.create_task(self._visit(client, released))
            self._released[task] = released
            entered.append(task)
        await asyncio.sleep(0)
        return entered

    async def leave(self, *tasks: "asyncio.Task[None]") -> None:
        for task in tasks:
            self._released[task].set()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)

    async def _visit(self, client: str | None, released: asyncio.Event) -> None:
        async with self.pool.place(client):
            self.had.append(client)
            await released.wait()


async def test_one_client_leaves_places_to_others() -> None:
    """A client gets its share and no more, while others are served at once."""
    scene = _Scene(4, share=0.5)
    many = await scene.enter("a", "a", "a", "a")
    others = await scene.enter("b", None)
    assert scene.had == ["a", "a", "b", None]
    await scene.leave(many[0], others[0])
    assert scene.had == ["a", "a", "b", None, "a"]
    await scene.leave(*many[1:], others[1])
    assert scene.pool.held == 0


async def test_clients_take_turns() -> None:
    """Of those that wait each client gets one place after the other, in its own order."""
    scene = _Scene(1)
    tasks = await scene.enter("first", "a", "a", "a", "b", "c", "c")
    await scene.leave(*tasks)
    assert scene.had == ["first", "a", "b", "c", "a", "c", "a"]
    assert scene.pool.held == 0


@pytest.mark.parametrize("client", ["a", None])
async def test_the_wait_is_bounded(client: str | None) -> None:
    """A client without a place is told to slow down, and leaves nothing behind."""
    scene = _Scene(1, max_wait_s=0.01)
    first = await scene.enter("a")
    with pytest.raises(S3Error, match="SlowDown"):
        async with scene.pool.place(client):
            pass
    await scene.leave(*first)
    await scene.leave(*await scene.enter("a", "a"))
    assert scene.pool.held == 0


async def test_a_place_given_up_is_not_lost() -> None:
    """A client that leaves in the moment in which it is called passes its place on."""
    scene = _Scene(1)
    place = scene.pool.place("first")
    await place.__aenter__()
    second, third = await scene.enter("b", "c")
    await place.__aexit__(None, None, None)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    await scene.leave(third)
    assert scene.had == ["c"]
    assert scene.pool.held == 0


async def test_waiting_clients_that_leave_are_forgotten() -> None:
    """A wait that is cancelled takes no place later on."""
    scene = _Scene(1)
    first, second = await scene.enter("a", "b")
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    await scene.leave(first)
    assert scene.pool.held == 0
    await scene.leave(*await scene.enter("c"))
    assert scene.had == ["a", "c"]


async def test_a_small_share_is_a_place() -> None:
    """However small the share and the pool, every client may hold one place."""
    scene = _Scene(3, share=0.01)
    tasks = await scene.enter("a", "b", "a")
    assert scene.had == ["a", "b"]
    await scene.leave(*tasks)
