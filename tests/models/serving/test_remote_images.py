"""Tests of choosing engines on other machines, and of what happens when they fail."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web

from slimgate.models.engine import wire
from slimgate.models.engine.network import Busy, TooLate
from slimgate.models.serving import protocol, server
from tests.models.fakes import FakeNetwork
from tests.models.serving.engines import (
    SMALL,
    TOKEN,
    Gate,
    Impostor,
    becomes,
    engine,
    engines_of,
    enlarged,
    image,
    remote,
)
from tests.servers.certificates import Pair
from tests.servers.server import free_port, wait_until


@pytest.mark.parametrize("shape", [(9, 7, 3), (9, 7), (1, 1, 3), (150, 90, 3)], ids=str)
async def test_results_are_those_of_the_network(shape: tuple[int, ...]) -> None:
    """Nothing is changed on the way."""
    small = image(*shape)
    async with engine() as one, remote(one.url) as images:
        expected = await asyncio.to_thread(one.restorer.upscale, small, 2, level=40)
        for _ in range(2):
            np.testing.assert_array_equal(expected, await enlarged(images, small))
    assert images.status.attempts == {"done": 2}


async def test_the_engine_with_less_to_do_is_next() -> None:
    """While one engine has an image, all others go to the other one."""
    gate = Gate()
    busy = FakeNetwork(before=gate)
    async with (
        engine(busy) as first,
        engine() as second,
        remote(first.url, second.url) as images,
        remote(first.url) as of_another_gateway,
    ):
        waiting = asyncio.create_task(enlarged(of_another_gateway))
        assert await asyncio.to_thread(gate.computing.wait, 30)
        # The load is in what the engine says of itself.
        loads = {first.url: 1, second.url: 0}

        def told() -> bool:
            return {each.address: each.load for each in engines_of(images)} == loads

        await asyncio.to_thread(wait_until, told, "the load")
        for _ in range(5):
            await enlarged(images)
        assert second.queue.counters.finished == 5
        gate.opened.set()
        await waiting


async def test_a_full_engine_is_passed_over() -> None:
    """What one engine has no room for goes to another; Busy if there is none."""
    gate = Gate()
    network = FakeNetwork(before=gate)
    async with (
        engine(network, max_images=1) as full,
        engine() as free,
        remote(full.url) as alone,
        remote(full.url, free.url) as both,
    ):
        waiting = asyncio.create_task(enlarged(alone))
        assert await asyncio.to_thread(gate.computing.wait, 30)
        with pytest.raises(Busy, match="1 images are in flight"):
            await enlarged(alone)
        assert protocol.Info.loads(bytes(full.api.info(protocol.bearer(TOKEN)).body)).ready
        results = await asyncio.gather(*(enlarged(both) for _ in range(6)))
        assert [each.shape for each in results] == [(18, 14, 3)] * 6
        assert both.status.attempts["done"] == 6
        gate.opened.set()
        await waiting


async def _broken_off(request: web.Request) -> web.StreamResponse:
    await request.read()
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_a_lost_connection_is_retried_elsewhere() -> None:
    """An engine that dies while it works costs time, and nothing else."""
    dying = Impostor(_broken_off)
    async with (
        dying.served() as url,
        engine() as good,
        remote(url, good.url) as images,
    ):
        expected = await asyncio.to_thread(good.restorer.upscale, SMALL, 2, level=40)
        while not dying.asked:
            np.testing.assert_array_equal(expected, await enlarged(images))
        assert images.status.attempts["lost"] == 1


async def test_an_engine_alone_is_asked_again_when_it_is_back() -> None:
    """An engine that is replaced at its address is used again, by images that wait for it."""
    port = free_port()
    async with engine(port=port) as first, remote(first.url) as images:
        await enlarged(images)
    async with remote(f"http://127.0.0.1:{port}") as images:
        await becomes(images, "lost")
        with pytest.raises(Busy, match="no remote engine can be used"):
            await enlarged(images)
        async with engine(port=port):
            await becomes(images, "ready")
            assert (await enlarged(images)).shape == (18, 14, 3)


async def _silent(request: web.Request) -> web.StreamResponse:
    await request.read()
    await asyncio.sleep(60)
    return web.Response()


async def test_what_waits_for_a_lost_engine_goes_elsewhere() -> None:
    """An image does not wait until its deadline for an engine that no longer answers probes."""
    hung = Impostor(_silent)
    async with hung.served() as url, engine() as good, remote(url, good.url) as images:
        waiting = [asyncio.create_task(enlarged(images)) for _ in range(8)]
        await asyncio.to_thread(wait_until, lambda: hung.asked > 0, "an image")
        hung.alive = False
        results = await asyncio.gather(*waiting)
        assert [each.shape for each in results] == [(18, 14, 3)] * 8
        assert images.status.attempts["lost"] == hung.asked


async def test_a_deadline_is_kept() -> None:
    """An engine that does not answer in time ends an image with TooLate."""
    async with Impostor(_silent).served() as url, remote(url, timeout_s=0.2) as images:
        with pytest.raises(TooLate, match=r"within 0\.2 s"):
            await enlarged(images)
    assert images.status.attempts == {"late": 1}


async def test_a_proxy_may_answer_instead() -> None:
    """503 of whatever is in between is Busy, as it is of an engine."""

    async def full(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="backpressure")

    async with Impostor(full).served() as url, remote(url) as images:
        with pytest.raises(Busy, match="HTTP status 503"):
            await enlarged(images)


async def test_unknown_restorers_are_said_to_be_unknown() -> None:
    """LookupError says which one, as with an engine on this machine."""
    async with engine() as one, remote(one.url) as images:
        request = wire.Request("f" * 16, 2, 0, 9, 7, 3)
        with pytest.raises(LookupError, match="no restorer with hash ffff"):
            await images.enlarge(request, SMALL)


async def test_https_is_verified(tmp_path: Path) -> None:
    """A certificate counts if the configured authority vouches for it, and for the name."""
    pair = Pair(tmp_path)
    options = (pair.certificate, pair.key)
    async with engine() as one:
        app = server.application(one.api, dict)
        async with server.listening(app, "127.0.0.1", 0, server.context(options)) as port:
            url = f"https://localhost:{port}"
            async with remote(url, ca_file=pair.trusted) as images:
                assert (await enlarged(images)).shape == (18, 14, 3)
            async with remote(url) as images:
                (told,) = engines_of(images)
    assert told.state == "lost"
    assert "certificate" in told.reason


async def test_a_host_without_an_address_is_no_engine() -> None:
    """Nothing is there yet; that is no error at the start."""
    async with remote("http://nowhere.invalid:9100") as images:
        assert engines_of(images) == ()
        with pytest.raises(Busy):
            await enlarged(images)


async def test_each_address_of_a_host_is_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with two addresses is two engines, and both get images."""
    port = free_port()
    loop = asyncio.get_running_loop()
    resolved = loop.getaddrinfo

    async def two(host: str, *args: object, **options: object) -> object:
        found = [await resolved(f"127.0.0.{each}", port, **options) for each in (1, 2)]  # type: ignore[arg-type]
        assert host == "engines"
        return [entry for each in found for entry in each]

    monkeypatch.setattr(loop, "getaddrinfo", two)
    async with engine(port=port) as first, engine(host="127.0.0.2", port=port) as second:
        async with remote(f"http://engines:{port}") as images:
            await asyncio.gather(*(enlarged(images) for _ in range(20)))
        counts = [each.queue.counters.finished for each in (first, second)]
    assert sum(counts) == 20
    assert min(counts) > 0
