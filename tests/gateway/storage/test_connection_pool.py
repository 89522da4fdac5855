import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.connection_pool import ConnectionPool
from tests import virtual_time


class _Scene:
    """A pool, and the clients that have had a slot."""

    def __init__(self, places: int, share: float = 1.0, max_wait_s: float = 60.0) -> None:
        self.pool = ConnectionPool(places, share, max_wait_s)
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
        async with self.pool.slot(client):
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
        async with scene.pool.slot(client):
            pass
    await scene.leave(*first)
    await scene.leave(*await scene.enter("a", "a"))
    assert scene.pool.held == 0


async def test_a_place_given_up_is_not_lost() -> None:
    """A client that leaves in the moment in which it is called passes its place on."""
    scene = _Scene(1)
    place = scene.pool.slot("first")
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


class _Holder:
    """A request whose client has been silent for some time."""

    def __init__(self, silent_s: float) -> None:
        self.silent_s = silent_s
        self.ended = asyncio.Event()

    def seconds(self) -> float:
        return self.silent_s

    def end(self) -> None:
        assert not self.ended.is_set()
        self.ended.set()


async def _hold(
    pool: ConnectionPool, client: str | None, holder: _Holder, begun: asyncio.Event
) -> None:
    async with pool.slot(client, holder):
        begun.set()
        await holder.ended.wait()


async def _held_by(
    pool: ConnectionPool, client: str | None, holder: _Holder
) -> "asyncio.Task[None]":
    begun = asyncio.Event()
    task = asyncio.create_task(_hold(pool, client, holder, begun))
    await begun.wait()
    return task


@asynccontextmanager
async def _holding(
    pool: ConnectionPool, *held: tuple[str | None, float]
) -> AsyncIterator[list[tuple[_Holder, "asyncio.Task[None]"]]]:
    """Fill a pool with requests of clients that have been silent for so many seconds."""
    holders = [_Holder(seconds) for _, seconds in held]
    tasks = [await _held_by(pool, client, h) for (client, _), h in zip(held, holders, strict=True)]
    yield list(zip(holders, tasks, strict=True))
    for holder in holders:
        holder.ended.set()
    await asyncio.gather(*tasks)
    assert pool.held == 0


def _ended(holders: list[tuple[_Holder, "asyncio.Task[None]"]]) -> list[bool]:
    return [holder.ended.is_set() for holder, _ in holders]


async def test_the_longest_silent_makes_room() -> None:
    """Who waits gets the place of the client that has been silent for longest, and no other."""
    pool = ConnectionPool(3, 1.0, 60.0)
    async with _holding(pool, ("a", 1.5), ("b", 4.0), (None, 2.0)) as holders:
        async with pool.slot("c"):
            assert _ended(holders) == [False, True, False]
        assert _ended(holders) == [False, True, False]


async def test_each_that_waits_ends_one() -> None:
    """No more holders are broken off than others wait for a place."""
    pool = ConnectionPool(4, 1.0, 60.0)
    held = [("a", 2.0), ("a", 3.0), ("b", 4.0), ("b", 5.0)]
    async with _holding(pool, *held) as holders, pool.slot("c"), pool.slot("d"):
        assert _ended(holders) == [False, False, True, True]


def test_many_silent_clients_make_room_one_after_the_other() -> None:
    """Of a hundred silent holders few are broken off at once, and all of them within a second."""

    async def crowd() -> tuple[int, float]:
        pool = ConnectionPool(100, 1.0, 60.0)
        async with _holding(pool, *[("a", 2.0)] * 100) as holders:
            late = _Holder(0.0)
            waiting = [asyncio.create_task(_held_by(pool, "b", late)) for _ in range(100)]
            await asyncio.sleep(0.15)  # the first look was at the first that waited, alone
            at_once = sum(_ended(holders)) - 1
            tasks = await asyncio.gather(*waiting)
            all_s = asyncio.get_running_loop().time()
            late.ended.set()
            await asyncio.gather(*tasks)
        return at_once, all_s

    at_once, all_s = virtual_time.run(crowd())
    assert 0 < at_once <= 16
    assert all_s <= 1.0


@pytest.mark.parametrize("silent_s", [0.0, 0.5])
async def test_whose_client_is_not_silent_stays(silent_s: float) -> None:
    """Holders that wait for the store, or for a client that has just sent something, stay."""
    pool = ConnectionPool(1, 1.0, 0.3)
    async with _holding(pool, ("a", silent_s)) as holders:
        with pytest.raises(S3Error, match="SlowDown"):
            async with pool.slot("b"):
                pass
        assert _ended(holders) == [False]


async def test_silence_is_noticed_when_it_has_lasted() -> None:
    """A client that falls silent while others wait loses its place then."""
    pool = ConnectionPool(1, 1.0, 60.0)
    async with _holding(pool, ("a", 0.95)) as holders:
        waiting = asyncio.create_task(_held_by(pool, "b", late := _Holder(0.0)))
        await asyncio.sleep(0)
        assert _ended(holders) == [False]
        holders[0][0].silent_s = 1.0
        task = await waiting
        assert _ended(holders) == [True]
        late.ended.set()
        await task


async def test_a_client_with_its_share_makes_room_for_itself() -> None:
    """A client beyond its share ends requests of its own, however silent others are."""
    pool = ConnectionPool(4, 0.5, 60.0)
    async with _holding(pool, ("a", 2.0), ("a", 3.0), ("b", 9.0)) as holders, pool.slot("a"):
        assert _ended(holders) == [False, True, False]


async def test_nobody_is_ended_for_nothing() -> None:
    """As long as there are places, silent clients keep theirs."""
    pool = ConnectionPool(3, 1.0, 60.0)
    async with _holding(pool, ("a", 20.0), ("b", 30.0)) as holders:
        async with pool.slot("c"):
            pass
        assert _ended(holders) == [False, False]


async def test_a_place_is_given_back_once() -> None:
    """A holder may leave early, and its place is free then."""
    pool = ConnectionPool(1, 1.0, 60.0)
    async with pool.slot("a") as give_back:
        give_back()
        assert pool.held == 0
        async with pool.slot("b"):
            give_back()
            assert pool.held == 1
    assert pool.held == 0
