import asyncio

import pytest

from slimgate.gateway.jobs.pacing.paced_client import PacedClient, Rates
from slimgate.gateway.jobs.pacing.token_bucket import TokenBucket
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.messages import Request
from tests import virtual_time
from tests.memory_store.store import MemoryStore


async def _paced(rates: Rates, *, waits: bool = True) -> PacedClient:
    memory = MemoryStore()
    client = memory.client()
    body = bytes(1000)
    for request in (
        Request("PUT", Target("photos", "", "")),
        Request("PUT", key_target("photos", "k"), body=body, length=1000),
    ):
        async with client.send(request):
            pass
    return PacedClient(client, rates, waits=waits)


def _times(rates: Rates, request: Request, count: int, clients: int) -> list[float]:
    """Return when each of several requests was answered, seconds."""
    times: list[float] = []

    async def send(client: PacedClient) -> None:
        for _ in range(count // clients):
            async with client.send(request):
                times.append(asyncio.get_running_loop().time())

    async def work() -> None:
        client = await _paced(rates)
        await asyncio.gather(*(send(client) for _ in range(clients)))

    virtual_time.run(work())
    return times


@pytest.mark.parametrize("clients", [1, 7])
def test_requests_keep_to_their_rate(clients: int) -> None:
    """In no span of time are there more than the rate allows, plus those of one second."""
    request = Request("HEAD", key_target("photos", "k"))
    times = _times(Rates(requests=TokenBucket(10)), request, 70, clients)
    assert times[-1] == pytest.approx(6.0)
    for first, start in enumerate(times):
        for last, end in enumerate(times[first:], first):
            assert last - first + 1 <= 10 * (end - start) + 10 + 1e-6


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_bytes_keep_to_their_rate(method: str) -> None:
    """Bodies count both ways; those in flight alone may come before their time."""
    body = bytes(1000) if method == "PUT" else None
    request = Request(method, key_target("photos", "k"), body=body, length=1000 if body else None)
    times = _times(Rates(traffic=TokenBucket(250)), request, 20, 4)
    for index, time in enumerate(times):
        assert (index + 1 - 4) * 1000 <= 250 * time + 250
    assert times[-1] >= (16_000 - 250) / 250


def test_heads_have_no_bytes() -> None:
    """The length that HEAD tells is not transferred."""
    request = Request("HEAD", key_target("photos", "k"))
    assert _times(Rates(traffic=TokenBucket(1)), request, 20, 4)[-1] == 0


def test_what_must_not_wait_is_counted() -> None:
    """A renewal of a lease goes at once; others wait for it."""

    async def work() -> None:
        rates = Rates(requests=TokenBucket(1))
        urgent = await _paced(rates, waits=False)
        ordinary = await _paced(rates)
        for _ in range(5):
            async with urgent.send(Request("HEAD", key_target("photos", "k"))):
                assert asyncio.get_running_loop().time() == 0
        async with ordinary.send(Request("HEAD", key_target("photos", "k"))):
            assert asyncio.get_running_loop().time() == pytest.approx(5)

    virtual_time.run(work())
