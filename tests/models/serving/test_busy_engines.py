"""Tests of engines that have much to do, or finish before they end."""

import asyncio

import pytest
from aiohttp import web

from slimgate.models.engine import wire
from slimgate.models.engine.network import Busy, Pixels
from slimgate.models.serving import protocol, remote_images, server
from tests.models.fakes import FakeNetwork
from tests.models.serving.engines import (
    TOKEN,
    Gate,
    Impostor,
    becomes,
    engine,
    engines_of,
    enlarged,
    image,
    remote,
    request_of,
)
from tests.servers.server import wait_until


async def test_images_leave_a_connection_for_probes() -> None:
    """An engine with as many images as connections is still seen to live."""
    opened = asyncio.Event()

    async def held(request: web.Request) -> web.StreamResponse:
        await request.read()
        await opened.wait()
        return web.Response(status=503)

    busy = Impostor(held)
    async with busy.served() as url, remote(url, connections=1) as images:
        waiting = [asyncio.create_task(enlarged(images)) for _ in range(4)]
        await asyncio.to_thread(wait_until, lambda: busy.asked > 0, "an image")
        before = busy.probed
        await asyncio.to_thread(wait_until, lambda: busy.probed > before + 1, "two probes")
        assert (busy.asked, [each.state for each in engines_of(images)]) == (1, ["ready"])
        opened.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in results] == [Busy] * 4


async def test_an_engine_that_drains_finishes_its_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that leaves its name before it has finished is left when it has."""
    monkeypatch.setattr(remote_images, "_RESOLVE_S", 0.05)
    gate = Gate()
    listed, asked = [True], [0]
    loop = asyncio.get_running_loop()
    resolved = loop.getaddrinfo

    async def found(_: str, *args: object, **options: object) -> object:
        asked[0] += 1
        if not listed[0]:
            raise OSError
        return await resolved("127.0.0.1", *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "getaddrinfo", found)
    async with engine(FakeNetwork(before=gate)) as one:
        port = one.url.rpartition(":")[2]
        async with remote(f"http://engines:{port}") as images:
            waiting = asyncio.create_task(enlarged(images))
            assert await asyncio.to_thread(gate.computing.wait, 30)
            one.api.draining = True
            await becomes(images, "resting")
            listed[0], before = False, asked[0]
            await asyncio.to_thread(wait_until, lambda: asked[0] > before + 3, "resolved")
            gate.opened.set()
            assert (await waiting).shape == (18, 14, 3)
            await becomes(images)


class _Repeating:
    """Enlarges images by repeating pixels, and says when it has."""

    def __init__(self) -> None:
        self.done = asyncio.Event()

    async def enlarge(
        self, request: wire.Request, small: Pixels, *, timeout_s: float | None = None
    ) -> Pixels:
        del timeout_s
        self.done.set()
        return small.repeat(request.scale, axis=0).repeat(request.scale, axis=1)


async def test_an_image_is_in_flight_until_its_result_is_read() -> None:
    """What a slow caller has not read yet counts, and is not cut off at the end."""
    small = image(1500, 1500, 3)
    body = request_of(small).pack() + small.tobytes()
    fields = {
        **protocol.bearer(TOKEN),
        protocol.CHECKSUM: protocol.checksum(body),
        "Content-Length": str(len(body)),
    }
    images = _Repeating()
    async with engine(images=images) as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.url.rpartition(":")[2])
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"POST {protocol.UPSCALE} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode() + body)
        await images.done.wait()
        head = await reader.readuntil(b"\r\n\r\n")
        assert f"{protocol.QUEUE}: 0\r\n".encode() in head
        draining = asyncio.create_task(server.drain(one.api, 30))
        await asyncio.to_thread(wait_until, lambda: one.api.draining, "draining")
        assert (one.api.admission.images, draining.done()) == (1, False)
        assert len(await reader.readexactly(4 * small.nbytes)) == 4 * small.nbytes
        await draining
        assert one.api.admission.images == 0
        writer.close()
