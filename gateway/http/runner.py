"""Run an application with limits on every connection."""

import asyncio
import resource
from collections.abc import Mapping
from typing import Any, cast

import structlog
from aiohttp import web
from prometheus_client import Gauge

from slimgate.config import Limits
from slimgate.gateway.http.aiohttp_internals import Handler, ProtocolRunner
from slimgate.gateway.http.client_addresses import ClientAddresses
from slimgate.gateway.http.connection import Connection
from slimgate.gateway.http.connections import Connections
from slimgate.gateway.telemetry import metrics

_log = structlog.get_logger(__name__)


def allow_files(count: int) -> None:
    """Raise the soft limit of open files to ``count``, as far as the hard limit allows.

    Many systems default to 1,024 and allow far more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < count:
        hint = "raise the limit of open files (ulimit -n, LimitNOFILE), or lower max_connections"
        _log.warning("open file limit too low", allowed=most, needed=count, hint=hint)


class Runner(ProtocolRunner):
    """Run an application with limits on every connection.

    Args:
        app: The application.
        limits: Limits of its connections.
        addresses: Identifies clients.
        gauge: Set to the number of connections.
        options: Options of ``web.AppRunner``.
    """

    __slots__ = ("_connections", "_watch")

    def __init__(
        self,
        app: web.Application,
        limits: Limits,
        addresses: ClientAddresses,
        gauge: Gauge = metrics.CONNECTIONS,
        **options: Any,
    ) -> None:
        super().__init__(app, **options)
        self._connections = Connections(limits, addresses, gauge)
        self._watch: asyncio.Task[None] | None = None

    @property
    def connections(self) -> Connections:
        """Return all connections."""
        return self._connections

    async def setup(self) -> None:
        """Start the application and enforce timeouts of its connections."""
        await super().setup()
        self._watch = asyncio.create_task(self._connections.watch())

    async def cleanup(self) -> None:
        """Close all connections and the application."""
        try:
            await super().cleanup()
        finally:
            if self._watch is not None:
                self._watch.cancel()

    def protocol(self, server: web.Server, options: Mapping[str, Any]) -> Connection:
        """Return the protocol of a new connection."""
        return Connection(server, self._connections, **options)

    def handler(self, inner: Handler) -> Handler:
        """Track when a connection is busy, and close it after an early response."""

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
