"""Run an application so that each of its connections is watched."""

import asyncio
import resource
from collections.abc import Mapping
from typing import Any, cast

import structlog
from aiohttp import web
from prometheus_client import Gauge

from config import Limits
from gateway.http.aiohttp_internals import Handler, ProtocolRunner
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


class Runner(ProtocolRunner):
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

    async def setup(self) -> None:
        """Start the application, and watch its connections from now on."""
        await super().setup()
        self._watch = asyncio.create_task(self._connections.watch())

    async def cleanup(self) -> None:
        """End all connections and the application."""
        try:
            await super().cleanup()
        finally:
            if self._watch is not None:
                self._watch.cancel()

    def protocol(self, server: web.Server, options: Mapping[str, Any]) -> Connection:
        """Make the protocol of a new connection."""
        return Connection(server, self._connections, **options)

    def handler(self, inner: Handler) -> Handler:
        """Note for how long a connection has a request, and how its answer ends it."""

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            connection = cast("Connection", request.protocol)
            try:
                with connection.request():
                    response = await inner(request)
            except web.HTTPException as refused:
                await connection.answer(request, refused)
                raise
            await connection.answer(request, response)
            return response

        return handle
