"""Run an application so that each of its connections is watched."""

import asyncio
import resource
from typing import Any, cast

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from prometheus_client import Gauge

from config import Limits
from gateway.http.connection import Connection
from gateway.http.connections import Connections
from gateway.telemetry import metrics

_log = structlog.get_logger(__name__)


def allow_files(count: int) -> None:
    """Let this process open so many files and sockets, as far as it may decide that.

    Many systems begin with 1,024 and permit far more to whoever asks.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < count:
        hint = "raise the limit of open files (ulimit -n, LimitNOFILE), or lower max_connections"
        _log.warning("too few open files are allowed", allowed=most, needed=count, hint=hint)


class Runner(web.AppRunner):
    """Run an application, with every connection within limits.

    Args:
        app: The application.
        limits: For its connections.
        gauge: Shows how many there are.
        options: As of ``web.AppRunner``.
    """

    __slots__ = ("_connections", "_watch")

    def __init__(
        self,
        app: web.Application,
        limits: Limits,
        gauge: Gauge = metrics.CONNECTIONS,
        **options: Any,
    ) -> None:
        super().__init__(app, **options)
        self._connections = Connections(limits, gauge)
        self._watch: asyncio.Task[None] | None = None

    @property
    def connections(self) -> Connections:
        """Give all connections."""
        return self._connections

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        self._watch = asyncio.create_task(self._connections.watch())
        return _Server(made, self._connections, **self._kwargs)

    async def _cleanup_server(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        await super()._cleanup_server()


class _Server(web.Server):
    """Makes connections that are watched."""

    def __init__(self, made: web.Server, table: Connections, **options: Any) -> None:
        self._table = table

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            connection = cast("Connection", request.protocol)
            try:
                with connection.request():
                    response = await made.request_handler(request)
            except web.HTTPException as refused:
                await connection.answer(request, refused)
                raise
            await connection.answer(request, response)
            return response

        super().__init__(handle, request_factory=made.request_factory, **options)

    def __call__(self) -> RequestHandler:
        """Make the protocol of a new connection."""
        return Connection(self, self._table, **self._kwargs)
