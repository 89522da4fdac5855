"""An engine as a deployment of Ray Serve, with the same protocol as ``slimgate engine serve``.

``serve deploy config/ray/serve.yaml``; gateways name the address of Serve's proxies in
``engine.remote.urls`` and need no Ray.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from pydantic import BaseModel
from ray import serve
from ray.serve import Application
from starlette.requests import Request
from starlette.responses import Response

from slimgate.config import Engine as EngineSettings
from slimgate.models.engine.loading import Restorers
from slimgate.models.serving import protocol
from slimgate.models.serving.api import EngineApi
from slimgate.models.serving.command import ServeOptions, started, token_of
from slimgate.models.serving.protocol import Reply


class Options(BaseModel, extra="forbid", frozen=True):
    """Arguments of the application in the file for ``serve deploy``.

    Attributes:
        engine: settings of the engine, as in ``engine`` of a gateway's configuration.
        restorers: names of restorers to load at the start.
        max_queue: maximum images in flight per replica.
        timeout_s: timeout of one image, seconds.
        token_file: file with the token, on every node; None: SLIMGATE_ENGINE_TOKEN_FILE names it.
    """

    engine: dict[str, object] = {}
    restorers: list[str] = ["native"]
    max_queue: int = 16
    timeout_s: float = 60.0
    token_file: str | None = None


class Engine:
    """A replica."""

    def __init__(self, options: Options) -> None:
        self._options = ServeOptions(
            host="0.0.0.0",  # noqa: S104  # Serve listens: a token is wanted
            port=0,
            engine=EngineSettings.model_validate(options.engine),
            restorers=tuple(options.restorers),
            max_queue=options.max_queue,
            timeout_s=options.timeout_s,
            drain_s=options.timeout_s,
            token_file=None if options.token_file is None else Path(options.token_file),
        )
        self._restorers = Restorers(self._options.engine, timeout_s=options.timeout_s)
        self._api: EngineApi | None = None
        self._starting = asyncio.Lock()

    async def _started(self) -> EngineApi:
        async with self._starting:
            if self._api is None:
                self._api = await started(self._restorers, self._options, token_of(self._options))
        return self._api

    async def check_health(self) -> None:
        """Repeat the self-check; Serve replaces a replica that raises."""
        await (await self._started()).check()

    async def __call__(self, request: Request) -> Response:
        """Answer a request of a gateway or a probe."""
        return _response(await self._answer(request))

    async def _answer(self, request: Request) -> Reply:
        api = await self._started()
        match request.method, request.url.path:
            case "POST", protocol.UPSCALE:
                body = _Body(request.stream())
                async with api.upscale(request.headers, body.readexactly) as reply:
                    return reply
            case "GET", protocol.INFO:
                return api.info(request.headers)
            case "GET", protocol.READY | protocol.LIVE:
                return api.ready()
        return Reply(404, {}, b"no such path\n")


class _Body:
    """A body that is read as far as it is wanted: not at all from strangers."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._read = bytearray()

    async def readexactly(self, size: int) -> bytes:
        """Read so many bytes, or raise IncompleteReadError."""
        while len(self._read) < size:
            try:
                self._read += await anext(self._pieces)
            except StopAsyncIteration:
                raise asyncio.IncompleteReadError(bytes(self._read), size) from None
        found = bytes(memoryview(self._read)[:size])
        del self._read[:size]
        return found


def _response(reply: Reply) -> Response:
    return Response(bytes(reply.body), reply.status, dict(reply.headers))


def build(options: Options) -> Application:
    """Return the application; ``import_path`` of ``serve deploy``."""
    deployment = serve.deployment(name="Engine", max_ongoing_requests=32, max_queued_requests=64)
    return deployment(Engine).bind(options)
