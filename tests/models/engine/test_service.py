"""Tests of the engine as a process of its own, and of how workers see it."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from slimgate.models import EngineStatus, engine_status
from slimgate.models.engine import wire
from slimgate.models.engine.batching import BatchingQueue
from slimgate.models.engine.images import LocalImages
from slimgate.models.engine.network import BadResult, Busy, EngineError, Pixels
from slimgate.models.engine.network_restorer import NetworkRestorer
from slimgate.models.engine.remote import Remote, RemoteRestorer
from slimgate.models.engine.service import serving
from tests.models.fakes import FakeNetwork
from tests.servers.server import wait_until

_HASH = "00112233445566aa"


class _Engine:
    """A served restorer, and the same one without a socket between."""

    def __init__(self, folder: Path, network: FakeNetwork, max_pixels: int = 10**9) -> None:
        self.address = folder / "engine"
        self.queue = BatchingQueue(network, max_wait_ms=0, max_pixels=max_pixels)
        self.restorer = NetworkRestorer(self.queue)

    def find(self, content_hash: str) -> NetworkRestorer:
        if content_hash != _HASH:
            raise LookupError(f"no restorer with hash {content_hash}")
        return self.restorer

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        def status() -> EngineStatus:
            return EngineStatus(fill=self.queue.counters.fill)

        async with serving(LocalImages(self.find), self.address, status):
            yield

    @contextmanager
    def remote(self) -> Iterator[Remote]:
        remote = Remote(self.address, timeout_s=30)
        try:
            yield remote
        finally:
            remote.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[_Engine]:
    """Start an engine with a small network."""
    engine = _Engine(tmp_path, FakeNetwork())
    with engine.queue:
        yield engine


def _image(*shape: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(9, 7, 3), (9, 7), (1, 1, 3), (40, 64, 3)], ids=str)
async def test_results_are_those_of_the_restorer(engine: _Engine, shape: tuple[int, ...]) -> None:
    """Nothing is changed on the way."""
    image = _image(*shape)
    expected = engine.restorer.upscale(image, 2, level=40)
    async with engine.served():
        with engine.remote() as remote:
            restorer = RemoteRestorer(remote, _HASH)
            for _ in range(2):
                actual = await asyncio.to_thread(restorer.upscale, image, 2, level=40)
                np.testing.assert_array_equal(expected, actual)


async def test_results_never_swap(engine: _Engine) -> None:
    """Eight workers at once get what each of them asked for."""
    images = [_image(5 + index, 30 - index, 3, seed=index) for index in range(8)]
    expected = [
        engine.restorer.upscale(image, 2, level=index) for index, image in enumerate(images)
    ]

    def ask(index: int) -> list[Pixels]:
        with engine.remote() as remote:
            restorer = RemoteRestorer(remote, _HASH)
            return [restorer.upscale(images[index], 2, level=index) for _ in range(5)]

    # Threads of their own: the service in this process needs those of asyncio.
    with ThreadPoolExecutor(8) as threads:
        async with engine.served():
            asking = [asyncio.wrap_future(threads.submit(ask, index)) for index in range(8)]
            answers = await asyncio.gather(*asking)
    for index, answer in enumerate(answers):
        for actual in answer:
            np.testing.assert_array_equal(expected[index], actual)


async def test_unknown_restorers_are_said_to_be_unknown(engine: _Engine) -> None:
    """A hash that this version does not have is a LookupError, and the connection lives on."""
    async with engine.served():
        with engine.remote() as remote:
            with pytest.raises(LookupError, match="no restorer with hash ffff"):
                await asyncio.to_thread(
                    RemoteRestorer(remote, "f" * 16).upscale, _image(4, 4, 3), 2, level=0
                )
            full = await asyncio.to_thread(
                RemoteRestorer(remote, _HASH).upscale, _image(4, 4, 3), 2, level=0
            )
            assert full.shape == (8, 8, 3)


async def test_a_full_queue_says_busy(tmp_path: Path) -> None:
    """While one image is computed, another one that is too much is refused at once."""
    computing, proceed = threading.Event(), threading.Event()

    def block(_: Pixels) -> None:
        computing.set()
        assert proceed.wait(30)

    engine = _Engine(tmp_path, FakeNetwork(before=block), max_pixels=1)
    with engine.queue:
        async with engine.served():
            with engine.remote() as first, engine.remote() as second:
                waiting = asyncio.create_task(
                    asyncio.to_thread(
                        RemoteRestorer(first, _HASH).upscale, _image(4, 4, 3), 2, level=0
                    )
                )
                assert await asyncio.to_thread(computing.wait, 30)
                with pytest.raises(Busy):
                    await asyncio.to_thread(
                        RemoteRestorer(second, _HASH).upscale, _image(4, 4, 3), 2, level=0
                    )
                proceed.set()
                assert (await waiting).shape == (8, 8, 3)


async def test_faults_arrive_with_their_reason(tmp_path: Path) -> None:
    """Errors of the network reach the worker that sent the request."""

    def fail(_: Pixels) -> None:
        raise BadResult("not finite")

    engine = _Engine(tmp_path, FakeNetwork(before=fail))
    with engine.queue:
        async with engine.served():
            with engine.remote() as remote, pytest.raises(BadResult, match="not finite"):
                await asyncio.to_thread(
                    RemoteRestorer(remote, _HASH).upscale, _image(4, 4, 3), 2, level=0
                )


async def test_a_worker_that_dies_is_not_worked_for(tmp_path: Path) -> None:
    """When a connection breaks, the tiles that are left are not computed."""
    computing, proceed = threading.Event(), threading.Event()

    def block(_: Pixels) -> None:
        computing.set()
        assert proceed.wait(30)

    engine = _Engine(tmp_path, FakeNetwork(before=block, max_batch=1))
    with engine.queue:
        async with engine.served():
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(engine.address))
            connection.sendall(wire.Request(_HASH, 2, 0, 40, 40, 3).pack() + bytes(40 * 40 * 3))
            assert await asyncio.to_thread(computing.wait, 30)
            connection.close()
            await asyncio.to_thread(
                wait_until, lambda: engine.queue.counters.cancelled == 1, "the cancellation"
            )
            proceed.set()
        assert engine.queue.counters.finished == 0


async def test_garbage_is_cut_off(engine: _Engine) -> None:
    """A client that violates the protocol is disconnected; others are not."""
    async with engine.served():
        reader, writer = await asyncio.open_unix_connection(engine.address)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
        with engine.remote() as remote:
            full = await asyncio.to_thread(
                RemoteRestorer(remote, _HASH).upscale, _image(4, 4, 3), 2, level=0
            )
        assert full.shape == (8, 8, 3)


async def test_workers_find_the_next_engine(engine: _Engine) -> None:
    """A missing engine raises a clear error; work continues with the next one."""
    image = _image(4, 4, 3)
    with engine.remote() as remote:
        restorer = RemoteRestorer(remote, _HASH)
        async with engine.served():
            await asyncio.to_thread(restorer.upscale, image, 2, level=0)
        with pytest.raises(EngineError, match="cannot be reached"):
            await asyncio.to_thread(restorer.upscale, image, 2, level=0)
        engine.address.unlink(missing_ok=True)
        async with engine.served():
            full = await asyncio.to_thread(restorer.upscale, image, 2, level=0)
    assert full.shape == (8, 8, 3)


async def test_operators_hear_how_full_batches_are(engine: _Engine) -> None:
    """The engine reports its batch fill between images; without an engine there is none."""
    assert await engine_status(engine.address) is None
    pixels = np.zeros((20, 20, 3), np.uint8)
    async with engine.served():
        assert await engine_status(engine.address) == EngineStatus()
        with engine.remote() as remote:
            restorer = RemoteRestorer(remote, _HASH)
            await asyncio.to_thread(restorer.upscale, pixels, 2, level=0)
            told = await engine_status(engine.address)
            await asyncio.to_thread(restorer.upscale, pixels, 2, level=0)
    assert told is not None
    assert 0 < told.fill <= 1
