import asyncio
import json

import pytest

from slimgate.gateway.jobs.state.leases import LASTS_S, Held, LeaseLost, Leases, Taken
from slimgate.gateway.jobs.state.store import JobStore
from tests import virtual_time
from tests.gateway.jobs.jobs import BUCKET, memory_job

_NAME = "leases/00000007"


async def _two() -> tuple[JobStore, Leases, Leases]:
    _, store = await memory_job()
    return store, Leases(store, "one"), Leases(store, "two")


async def _outcome(leases: Leases) -> str:
    try:
        return (await leases.claim(7)).lease.owner
    except Taken as error:
        return f"taken by {error.owner}"


def test_one_of_two_gets_a_shard() -> None:
    """Of two processes that want a shard at one moment, one gets it."""

    async def work() -> None:
        _, one, two = await _two()
        said = await asyncio.gather(_outcome(one), _outcome(two))
        assert sorted(said) in (["one", "taken by one"], ["taken by two", "two"])

    virtual_time.run(work())


@pytest.mark.parametrize(("silent_s", "taken"), [(LASTS_S - 2, True), (LASTS_S, False)])
def test_a_silent_holder_loses_its_shard(silent_s: float, taken: bool) -> None:
    """A shard is taken over when the store has not heard of its holder for long enough."""

    async def work() -> None:
        store, one, two = await _two()
        held = await one.claim(7)
        await asyncio.sleep(silent_s)
        if taken:
            with pytest.raises(Taken, match="one works on it"):
                await two.claim(7)
            assert (await one.renew(held)).lease.fence == 1
            return
        assert (await two.claim(7)).lease.fence == 2
        with pytest.raises(LeaseLost):
            await one.renew(held)
        await one.release(held)  # not its to give
        found = await store.read(_NAME)
        assert found is not None
        assert json.loads(found.data)["owner"] == "two"

    virtual_time.run(work())


def test_a_renewed_lease_lasts() -> None:
    """Each renewal counts from then on, by another ETag than all before."""

    async def work() -> None:
        _, one, two = await _two()
        held = await one.claim(7)
        etags = {held.etag}
        for _ in range(5):
            await asyncio.sleep(LASTS_S - 1)
            held = await one.renew(held)
            etags.add(held.etag)
            with pytest.raises(Taken):
                await two.claim(7)
        assert len(etags) == 6

    virtual_time.run(work())


def test_a_claim_after_the_look_comes_too_late() -> None:
    """A shard that its holder renews between another's look and its write stays the holder's."""

    async def work() -> None:
        memory, store = await memory_job()
        one, two = Leases(store, "one"), Leases(store, "two")
        held = await one.claim(7)
        await asyncio.sleep(LASTS_S + 5)
        renewed: list[Held] = []

        class Late(JobStore):
            async def replace(self, name: str, data: bytes, etag: str) -> str:
                renewed.append(await one.renew(held))
                return await JobStore.replace(self, name, data, etag)

        two = Leases(Late(store.client, store.place), "two")
        with pytest.raises(Taken):
            await two.claim(7)
        assert (await one.renew(renewed[0])).lease.beat == 2
        assert len(memory.buckets[BUCKET].keys) == 1

    virtual_time.run(work())


def test_a_shard_that_was_given_back_is_free() -> None:
    """Another process gets it at once, with the next fencing number."""

    async def work() -> None:
        _, one, two = await _two()
        await one.release(await one.claim(7))
        assert (await two.claim(7)).lease.fence == 2

    virtual_time.run(work())


def test_a_lost_response_is_no_lost_lease() -> None:
    """A renewal that the store has taken without telling is found to be one's own."""

    async def work() -> None:
        memory, store = await memory_job()
        one = Leases(store, "one")
        held = await one.claim(7)
        lost = await one.renew(held)
        memory.faults["PUT", f"j1/{_NAME}"] = [503]
        assert await one.renew(held) == lost

    virtual_time.run(work())


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[" * 100_000,
        b'{"owner": "x", "fence": "y"}',
        b'{"owner": "x", "rows": "y"}',
        b'{"owner": "x", "lasts_s": 1e300}',
        b'{"owner": "x", "lasts_s": "y"}',
        b'{"owner": "x", "fence": 1e9}',
    ],
)
def test_a_damaged_lease_is_taken_over_later(data: bytes) -> None:
    """A lease that no process can have written holds a shard for the usual time."""

    async def work() -> None:
        _, store = await memory_job()
        await store.create(_NAME, data)
        one = Leases(store, "one")
        with pytest.raises(Taken):
            await one.claim(7)
        await asyncio.sleep(LASTS_S)
        assert (await one.claim(7)).lease.fence == 1

    virtual_time.run(work())
