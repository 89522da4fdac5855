"""An engine as an HTTP server of its own, for gateways on other machines."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from slimgate.models.engine.inflight import Counters
from slimgate.models.engine.network import EngineError
from slimgate.models.serving import metrics, protocol
from slimgate.models.serving.api import EngineApi
from slimgate.models.serving.protocol import Reply

CHECK_S: Final = 30.0
"""Pause between two self-checks, seconds."""

_KEEPALIVE_S: Final = 75.0
"""Longer than clients keep idle connections, so that they never use one that is just closing."""

_READ_BUFFER: Final = 1 << 20
_PIECE: Final = 1 << 18
_SEND_S: Final = 60.0
"""Longest time to send a response, seconds: some callers do not read."""

_log = logging.getLogger(__name__)


def application(api: EngineApi, counters: Callable[[], Mapping[str, Counters]]) -> web.Application:
    """Return an application that answers gateways, probes and Prometheus.

    Args:
        api: answers requests.
        counters: returns the counters of each network's queue, by hash.
    """
    registry, seconds = metrics.registry(api, counters)

    async def upscale(request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        async with api.upscale(request.headers, request.content.readexactly) as reply:
            seconds.observe(time.perf_counter() - started)
            return await _sent(request, reply)

    async def info(request: web.Request) -> web.Response:
        return _response(api.info(request.headers))

    async def live(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(_: web.Request) -> web.Response:
        return _response(api.ready())

    async def scrape(_: web.Request) -> web.Response:
        body = generate_latest(registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_post(protocol.UPSCALE, upscale)
    app.router.add_get(protocol.INFO, info)
    app.router.add_get(protocol.LIVE, live)
    app.router.add_get(protocol.READY, ready)
    app.router.add_get(protocol.METRICS, scrape)
    return app


@contextlib.asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, certificate: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve an application for the duration of the block.

    Args:
        app: the application.
        host: address to listen on.
        port: port; 0: any free one.
        certificate: for https.

    Yields:
        The port.

    Raises:
        OSError: the address cannot be used.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,  # a gateway that gives up closes its connection
        keepalive_timeout=_KEEPALIVE_S,
        read_bufsize=_READ_BUFFER,
        shutdown_timeout=1.0,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=certificate)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def context(certificate: tuple[Path, Path] | None) -> ssl.SSLContext | None:
    """Return what serves https; None: http.

    Args:
        certificate: PEM files of certificate chain and key.

    Raises:
        OSError: they cannot be used.
    """
    if certificate is None:
        return None
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        made.load_cert_chain(*certificate)
    except OSError as error:
        chain, key = certificate
        raise OSError(f"{chain} and {key} are no certificate and its key: {error}") from error
    return made


async def repeat_checks(api: EngineApi, pause_s: float = CHECK_S) -> None:
    """Repeat the self-check of all networks until cancelled."""
    while True:
        await asyncio.sleep(pause_s)
        try:
            await api.check()
        except EngineError as error:
            _log.error("self-check failed: %s", error)


async def drain(api: EngineApi, timeout_s: float) -> None:
    """Take no more images, and wait for those in flight.

    Args:
        api: answers requests.
        timeout_s: longest wait, seconds.
    """
    api.draining = True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await api.admission.empty()


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, headers=reply.headers, body=bytes(reply.body))


async def _sent(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Send a response in pieces: a large one must not hold up the event loop."""
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    async with asyncio.timeout(_SEND_S):
        await response.prepare(request)
        view = memoryview(reply.body)
        for start in range(0, len(view), _PIECE):
            await response.write(view[start : start + _PIECE])
        await response.write_eof()
    return response
