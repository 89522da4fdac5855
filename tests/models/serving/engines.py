"""Engines on loopback: real ones with a small network, and ones that misbehave."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from aiohttp import web

from slimgate import models
from slimgate.config import RemoteEngines
from slimgate.models.engine import wire
from slimgate.models.engine.batching import BatchingQueue
from slimgate.models.engine.images import Images, LocalImages
from slimgate.models.engine.network import Pixels
from slimgate.models.engine.network_restorer import NetworkRestorer
from slimgate.models.engine.status import RemoteStatus
from slimgate.models.registry.native import CARDS
from slimgate.models.serving import protocol, server
from slimgate.models.serving.admission import Admission
from slimgate.models.serving.api import EngineApi
from slimgate.models.serving.remote_images import RemoteImages
from tests.models.fakes import FakeNetwork
from tests.servers.server import wait_until

HASH: Final = models.chosen("native")[2]
CHECK: Final = models.hashed(HASH).check or ""
TOKEN: Final = "token-of-the-test"


def image(*shape: int, seed: int = 0) -> Pixels:
    """Return an image of noise."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def request_of(small: Pixels, level: int = 40) -> wire.Request:
    """Return the request that enlarges an image twice."""
    channels = 1 if small.ndim == 2 else 3
    return wire.Request(HASH, 2, level, small.shape[0], small.shape[1], channels)


@dataclass
class TestEngine:
    """A real engine, whose network is small and stands in for a native one.

    Attributes:
        api: What answers.
        queue: Its queue.
        restorer: The same network without HTTP.
        url: Where it is.
    """

    __test__ = False

    api: EngineApi
    queue: BatchingQueue
    restorer: NetworkRestorer
    url: str = ""


@asynccontextmanager
async def engine(
    network: FakeNetwork | None = None,
    *,
    max_images: int = 64,
    token: str | None = TOKEN,
    host: str = "127.0.0.1",
    port: int = 0,
    images: Images | None = None,
    restorers: Collection[str] = (),
) -> AsyncIterator[TestEngine]:
    """Run an engine for the duration of the block."""
    queue = BatchingQueue(network or FakeNetwork(), max_wait_ms=0, max_pixels=10**9)
    restorer = NetworkRestorer(queue)
    with queue:
        api = EngineApi(
            images or LocalImages(lambda _: restorer), restorers, Admission(max_images, 10**8),
            token=token, timeout_s=30,
        )  # fmt: skip
        await api.check()
        app = server.application(api, lambda: {HASH: queue.counters})
        async with server.listening(app, host, port) as bound:
            yield TestEngine(api, queue, restorer, f"http://{host}:{bound}")


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def _unexpected(_: web.Request) -> web.StreamResponse:
    raise AssertionError("this engine must not be used")


@dataclass
class Impostor:
    """Something that answers like an engine, up to a point.

    Attributes:
        upscale: Answers images.
        info: What it says of itself.
        asked: How many images it was sent.
        alive: Whether it answers probes.
        silent: Whether it leaves probes unanswered.
        probed: How many probes it was sent.
    """

    upscale: Answer = _unexpected
    info: protocol.Info = field(
        default_factory=lambda: protocol.Info(
            protocol.VERSION, "0", True, 0, {each.hash: each.check or "" for each in CARDS}
        )
    )
    asked: int = 0
    alive: bool = True
    silent: bool = False
    probed: int = 0

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Answer for the duration of the block; yield the URL."""

        async def upscale(request: web.Request) -> web.StreamResponse:
            self.asked += 1
            return await self.upscale(request)

        async def info(_: web.Request) -> web.StreamResponse:
            self.probed += 1
            if self.silent:
                await asyncio.Event().wait()
            return web.Response(body=self.info.dumps(), status=200 if self.alive else 500)

        app = web.Application(client_max_size=1 << 30)
        app.router.add_post(protocol.UPSCALE, upscale)
        app.router.add_get(protocol.INFO, info)
        async with server.listening(app, "127.0.0.1", 0) as port:
            yield f"http://127.0.0.1:{port}"


SMALL: Final = image(9, 7, 3)


@asynccontextmanager
async def remote(
    *urls: str,
    token: str | None = TOKEN,
    timeout_s: float = 20.0,
    ca_file: Path | None = None,
    connections: int = 16,
) -> AsyncIterator[RemoteImages]:
    """Use engines for the duration of the block.

    Args:
        urls: Where they are.
        token: What requests carry.
        timeout_s: Timeout of one image, seconds.
        ca_file: Certificate authority of https.
        connections: Maximum connections to one engine.
    """
    file = None if ca_file is None else str(ca_file)
    settings = RemoteEngines(urls=urls, timeout_s=timeout_s, ca_file=file, connections=connections)
    async with RemoteImages(settings, token, {HASH}) as images:
        yield images


async def enlarged(images: RemoteImages, small: Pixels = SMALL) -> Pixels:
    """Enlarge an image twice."""
    return await images.enlarge(request_of(small), small)


def engines_of(images: RemoteImages) -> tuple[RemoteStatus, ...]:
    """Return the state of the engines."""
    found = images.status.remote
    assert found is not None
    return found


async def becomes(images: RemoteImages, *states: str) -> None:
    """Wait until the engines have these states."""

    def there() -> bool:
        return sorted(each.state for each in engines_of(images)) == sorted(states)

    await asyncio.to_thread(wait_until, there, f"{states}")


class Gate:
    """Holds a network until it is opened.

    Attributes:
        computing: Set when it has begun.
        opened: Lets it go on.
    """

    def __init__(self) -> None:
        self.computing, self.opened = threading.Event(), threading.Event()

    def __call__(self, _: Pixels) -> None:
        """Wait until it is open."""
        self.computing.set()
        assert self.opened.wait(30)
