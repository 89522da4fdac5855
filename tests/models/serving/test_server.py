"""Tests of an engine's HTTP server: who may use it, bounds, deadlines and its end."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import numpy as np
import pytest

from slimgate.models.engine import wire
from slimgate.models.engine.network import CannotRun, Pixels
from slimgate.models.registry import native
from slimgate.models.serving import protocol, server
from tests.models.fakes import FakeNetwork
from tests.models.serving.engines import CHECK, TOKEN, Gate, TestEngine, engine, image, request_of
from tests.servers.server import wait_until

_SMALL = image(9, 7, 3)
_BODY = request_of(_SMALL).pack() + _SMALL.tobytes()
_HEADERS = {**protocol.bearer(TOKEN), protocol.CHECKSUM: protocol.checksum(_BODY)}


class _Client:
    """A client that may send anything.

    Args:
        session: Its connections.
        url: Where the engine is.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def upscale(
        self, body: object = _BODY, headers: Mapping[str, str] = _HEADERS
    ) -> tuple[int, str]:
        """Send an image; return the status of HTTP, and the text of an error."""
        url = self._url + protocol.UPSCALE
        async with self._session.post(url, data=body, headers=dict(headers)) as response:
            data = await response.read()
            return response.status, "" if response.status == 200 else data.decode()

    async def get(self, path: str, headers: Mapping[str, str] = {}) -> tuple[int, str]:
        """Return status and text of a page."""
        async with self._session.get(self._url + path, headers=dict(headers)) as response:
            return response.status, await response.text()


@asynccontextmanager
async def _client(one: TestEngine) -> AsyncIterator[_Client]:
    async with aiohttp.ClientSession() as session:
        yield _Client(session, one.url)


async def test_a_response_says_what_it_is() -> None:
    """It carries the pixels, the digest of the network, and a checksum of both bodies."""
    async with engine() as one, aiohttp.ClientSession() as session:
        url = one.url + protocol.UPSCALE
        async with session.post(url, data=_BODY, headers=_HEADERS) as response:
            full, headers = await response.read(), response.headers
        expected = await asyncio.to_thread(one.restorer.upscale, _SMALL, 2, level=40)
    assert full == expected.tobytes()
    assert headers[protocol.CHECK] == CHECK
    assert headers[protocol.CHECKSUM] == protocol.checksum(_BODY + full)
    assert headers[protocol.QUEUE] == "0"


@pytest.mark.parametrize("headers", [{}, protocol.bearer("wrong"), {"Authorization": TOKEN}])
async def test_strangers_are_refused(headers: dict[str, str]) -> None:
    """Without the token there are neither images nor particulars; probes and metrics are open."""
    async with engine() as one, _client(one) as client:
        assert await client.upscale(headers=headers) == (401, "wrong token\n")
        assert await client.get(protocol.INFO, headers) == (401, "wrong token\n")
        assert await client.get(protocol.LIVE) == (200, "ok\n")
        assert await client.get(protocol.READY) == (200, "ready\n")
        status, text = await client.get(protocol.METRICS)
    assert (status, "slimgate_engine_queue_length 0.0" in text) == (200, True)


def _sized(size: int) -> dict[str, str]:
    return {**_HEADERS, "Content-Length": str(size)}


async def _chunks() -> AsyncIterator[bytes]:
    yield _BODY


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (b"", _HEADERS, "Content-Length must be"),
        (_chunks(), _HEADERS, "Content-Length must be"),
        (_BODY + b"x", _HEADERS, "not the size of its image"),
        (_BODY[:-1] + b"x", _HEADERS, "does not match its checksum"),
        (_BODY, protocol.bearer(TOKEN), "does not match its checksum"),
        (b"x" * len(_BODY), _HEADERS, "not a request for an image"),
        (_BODY, {**_HEADERS, protocol.TIMEOUT: "-1"}, "must be a positive number"),
        (_BODY, {**_HEADERS, protocol.TIMEOUT: "soon"}, "must be a positive number"),
        (_BODY, {**_HEADERS, protocol.TIMEOUT: "nan"}, "must be a positive number"),
    ],
)
async def test_malformed_requests_are_refused(
    body: object, headers: dict[str, str], reason: str
) -> None:
    """Each fault has its reason, and the status says that repeating it is no use."""
    async with engine() as one, _client(one) as client:
        status, text = await client.upscale(body, headers)
        assert (status, await client.upscale()) == (400, (200, ""))
    assert reason in text


async def test_sizes_are_bounded_before_anything_is_read() -> None:
    """A body that claims to be larger than any image is refused by its head alone."""
    async with engine() as one:
        port = int(one.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        fields = "".join(f"{name}: {value}\r\n" for name, value in _sized(10**12).items())
        writer.write(f"POST {protocol.UPSCALE} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode())
        head = await reader.readuntil(b"\r\n")
        writer.close()
    assert head == b"HTTP/1.1 400 Bad Request\r\n"


async def test_a_full_queue_asks_to_come_back() -> None:
    """Beyond its bound an engine answers 503 at once, is not ready, and counts it."""
    gate = Gate()
    async with engine(FakeNetwork(before=gate), max_images=1) as one, _client(one) as client:
        waiting = asyncio.create_task(client.upscale())
        assert await asyncio.to_thread(gate.computing.wait, 30)
        status, text = await client.upscale()
        assert (status, text.startswith("1 images are in flight")) == (503, True)
        assert await client.get(protocol.READY) == (503, "the queue is full\n")
        metrics = (await client.get(protocol.METRICS))[1]
        gate.opened.set()
        assert await waiting == (200, "")
        assert await client.get(protocol.READY) == (200, "ready\n")
    assert 'slimgate_engine_images_total{outcome="refused"} 1.0' in metrics
    assert "slimgate_engine_queue_length 1.0" in metrics


async def test_images_in_flight_are_finished_at_the_end() -> None:
    """Draining refuses new images, and waits for those that it has."""
    gate = Gate()
    async with engine(FakeNetwork(before=gate)) as one, _client(one) as client:
        waiting = asyncio.create_task(client.upscale())
        assert await asyncio.to_thread(gate.computing.wait, 30)
        draining = asyncio.create_task(server.drain(one.api, 30))
        await asyncio.to_thread(wait_until, lambda: one.api.draining, "draining")
        assert (await client.upscale())[0] == 503
        assert await client.get(protocol.READY) == (503, "draining\n")
        assert not draining.done()
        gate.opened.set()
        assert await waiting == (200, "")
        await draining


async def test_a_deadline_of_the_sender_is_kept() -> None:
    """An image whose sender has given up is dropped."""
    gate = Gate()
    async with engine(FakeNetwork(before=gate)) as one, _client(one) as client:
        status, text = await client.upscale(headers={**_HEADERS, protocol.TIMEOUT: "0.1"})
        gate.opened.set()
    assert (status, text) == (504, "the deadline passed")


async def test_an_image_whose_sender_is_gone_is_dropped() -> None:
    """Tiles that nobody waits for are not computed."""
    gate = Gate()
    network = FakeNetwork(before=gate, max_batch=1)
    small = image(40, 40, 3)
    body = request_of(small).pack() + small.tobytes()
    headers = {**_HEADERS, protocol.CHECKSUM: protocol.checksum(body)}
    async with engine(network) as one, _client(one) as client:
        leaving = asyncio.create_task(client.upscale(body, headers))
        assert await asyncio.to_thread(gate.computing.wait, 30)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        # Of 100 tiles only the one that is being computed is still to be done.
        await asyncio.to_thread(wait_until, lambda: one.api.admission.images == 0, "dropping it")
        gate.opened.set()
        cancelled = lambda: one.queue.counters.cancelled == 1  # noqa: E731
        await asyncio.to_thread(wait_until, cancelled, "cancelling it")
    assert len(network.batches) < 100


async def test_an_engine_whose_bits_change_stops() -> None:
    """A device that begins to compute other bits takes no images any more, and says so."""
    card = native.CARDS[-1]
    flipped = np.uint8(0)

    class Failing:
        """Enlarges images, later with one bit flipped."""

        async def enlarge(
            self, request: wire.Request, small: Pixels, *, timeout_s: float | None = None
        ) -> Pixels:
            del timeout_s
            full = small.repeat(request.scale, axis=0).repeat(request.scale, axis=1)
            full[0, 0, 0] ^= flipped
            return full

    async with engine(images=Failing(), restorers={card.hash}) as one, _client(one) as client:
        assert await client.upscale() == (200, "")
        flipped = np.uint8(1)
        with pytest.raises(CannotRun, match=f"{card.name} no longer reproduces its result"):
            await one.api.check()
        assert (await client.upscale())[0] == 503
        status, text = await client.get(protocol.READY)
    assert (status, "no longer reproduces" in text) == (503, True)


def test_a_checksum_depends_on_every_byte() -> None:
    """Pieces give what the whole gives; any change gives something else."""
    data = np.random.default_rng(1).bytes(1000)
    whole = protocol.checksum(data)
    assert protocol.checksum(data[300:], before=protocol.checksum(data[:300])) == whole
    changed = bytearray(data)
    changed[500] ^= 1
    assert protocol.checksum(changed) != whole


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"protocol": 1}', "not json"])
def test_other_documents_are_no_engine(text: str) -> None:
    """Whatever else answers there is not taken for an engine."""
    with pytest.raises(wire.Broken, match="no engine answers there"):
        protocol.Info.loads(text.encode())
