"""A gateway in one process: its resources, listeners and shutdown."""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Self

import structlog
from aiohttp import web

from slimgate.config import Limits, Policy, Settings
from slimgate.gateway.admin.app import Readiness, create_admin
from slimgate.gateway.admin.remote_engines import RemoteEnginesReadiness
from slimgate.gateway.http import sockets as listening
from slimgate.gateway.http import tls
from slimgate.gateway.http.aiohttp_internals import transports
from slimgate.gateway.http.runner import Runner
from slimgate.gateway.http.tls_listener import TlsListener
from slimgate.gateway.runtime.app import create_app, make_runner
from slimgate.gateway.runtime.malloc import freeze_loaded_objects
from slimgate.gateway.runtime.parts import PARTS, Parts
from slimgate.gateway.runtime.reload import ReloadCallbacks, watch
from slimgate.gateway.runtime.systemd import ServiceHost
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.workers.startup_checks import log_startup_checks

_OPERATORS: Final = 128
"""Most admin connections: load balancers, Prometheus, browsers."""

_log = structlog.get_logger(__name__)


class Server:
    """A gateway that serves for the duration of an ``async with`` block.

    Args:
        settings: Settings of this process.
        engine: Socket of a shared engine process; None: start one.

    Raises:
        BadCertificate: The configured certificate cannot be used.
        ConfigError: The credentials file is invalid.
    """

    def __init__(self, settings: Settings, *, engine: Path | None = None) -> None:
        self._settings = settings
        self._certificate = tls.load_certificate(settings.tls)
        app = create_app(settings, engine=engine)
        self._parts = parts = app[PARTS]
        self._runner = make_runner(app, settings)
        self._sockets: list[socket.socket] = []
        self._readiness = Readiness(
            parts.storage.upstream,
            parts.callers.registry,
            parts.limits.in_flight,
            parts.peers,
            _engines(settings, parts),
        )
        buffers = parts.limits.buffers
        admin = create_admin(
            settings,
            parts.policies,
            parts.compute,
            buffers,
            self._readiness,
            parts.telemetry.history,
        )
        self._operators = Runner(
            admin,
            _operators_limits(settings.limits),
            parts.limits.addresses,
            metrics.OPERATORS,
            access_log=None,
            handler_cancellation=True,
        )
        self._tls: TlsListener | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open all resources, but do not listen yet.

        Raises:
            CannotStart: The engine does not start.
        """
        # Keep the admin listener up while draining.
        self._stack.push_async_callback(self._operators.cleanup)
        self._stack.push_async_callback(self._runner.cleanup)
        try:
            await self._runner.setup()
            await self._operators.setup()
        except BaseException:
            await self._stack.aclose()
            raise
        freeze_loaded_objects()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def listen(self, sockets: Sequence[socket.socket]) -> None:
        """Serve clients on these sockets, and close them at the end."""
        self._sockets = list(sockets)
        if self._context is not None:
            self._tls = self._tls_listener(self._runner, self._context)
        for each in sockets:
            if self._tls is not None:
                self._tls.listen(each)
            else:
                await web.SockSite(self._runner, each, backlog=listening.BACKLOG).start()

    def _tls_listener(self, runner: Runner, context: ssl.SSLContext) -> TlsListener:
        server = runner.server
        assert server is not None  # noqa: S101  # set up before
        listener = TlsListener(server, runner.connections, context, self._settings.limits)
        self._stack.push_async_callback(listener.close)
        return listener

    async def listen_to_operators(
        self, sockets: Sequence[socket.socket], *, encrypted: bool = False
    ) -> None:
        """Serve the admin application on these sockets, over HTTPS if ``encrypted``."""
        listener = None
        if encrypted and self._context is not None:
            listener = self._tls_listener(self._operators, self._context)
        for each in sockets:
            if listener is not None:
                listener.listen(each)
            else:
                await web.SockSite(self._operators, each).start()

    async def log_startup_checks(self) -> None:
        """Log problems that an operator should know."""
        await log_startup_checks(self._readiness.not_ready_reason)

    def set_policies(self, policies: Sequence[Policy]) -> None:
        """Use new policies from now on; permission that the old ones led to counts no longer."""
        self._parts.policies.replace(policies)
        self._parts.callers.follow_policies()
        self._parts.storage.authorizations.forget_all()

    async def reload_credentials(self) -> None:
        """Read the credentials file again; an invalid one changes none."""
        await self._parts.callers.reload()
        self._parts.storage.authorizations.forget_all()

    def reload_certificate(self) -> None:
        """Reload the certificate files.

        Raises:
            BadCertificate: The new pair cannot be used; the old one stays.
        """
        if self._certificate is not None:
            self._certificate.reload()

    async def drain(self) -> None:
        """Accept only connections that are already queued, and wait for requests in flight."""
        timeout_s = self._settings.shutdown_timeout_s
        _log.info("draining", timeout_s=timeout_s)
        in_flight = self._parts.limits.in_flight
        in_flight.draining = True
        left = [each.dup() for each in self._sockets]
        for site in list(self._runner.sites):
            await site.stop()
        if self._tls is not None:
            self._tls.stop()
        last = [asyncio.create_task(self._take(each)) for each in listening.accept_pending(left)]
        listening.close(left)
        unfinished = await in_flight.drain(timeout_s, self._transports)
        await asyncio.gather(*last, return_exceptions=True)
        if unfinished:
            hint = "raise shutdown_timeout_s"
            _log.error("requests aborted at shutdown", requests=unfinished, hint=hint)

    async def _take(self, connection: socket.socket) -> None:
        """Serve a queued connection."""
        server = self._runner.server
        assert server is not None  # noqa: S101  # set up before
        if self._tls is None:
            connection.setblocking(False)
            await asyncio.get_running_loop().connect_accepted_socket(server, connection)
            return
        handshake = self._tls.take(connection, connection.getpeername())
        if handshake is not None:
            await handshake

    def _transports(self) -> Iterable[asyncio.Transport]:
        return transports(self._runner.server)

    @property
    def _context(self) -> ssl.SSLContext | None:
        return self._certificate.context if self._certificate else None


def _engines(settings: Settings, parts: Parts) -> RemoteEnginesReadiness | None:
    if settings.engine.backend != "remote":
        return None
    return RemoteEnginesReadiness(parts.compute.workers.engine_status)


def _operators_limits(limits: Limits) -> Limits:
    """Return limits for the admin listener, whose proxies are unknown."""
    most = min(limits.max_connections, _OPERATORS)
    return limits.model_copy(update={"max_connections": most, "address_share": 1.0})


async def serve(settings: Settings, path: Path, host: ServiceHost) -> None:
    """Serve until SIGTERM or SIGINT, then finish requests in flight.

    Args:
        settings: Settings of this process.
        path: Configuration file to watch.
        host: Signals, and notifications to systemd.

    Raises:
        CannotStart: The engine does not start.
        CannotListen: An address cannot be used.
        BadCertificate: The configured certificate cannot be used.
        ConfigError: The credentials file is invalid.
    """
    async with Server(settings) as server:
        await server.log_startup_checks()
        if settings.admin.address:
            operators = listening.listen(settings.admin.address, "admin.listen")
            await server.listen_to_operators(operators, encrypted=settings.admin.tls)
            listening.log_addresses("listening for operators", operators)
        sockets = listening.listen(settings.address, "--listen")
        await server.listen(sockets)
        listening.log_addresses("listening", sockets)
        callbacks = ReloadCallbacks(
            server.set_policies,
            server.reload_certificate,
            server.reload_credentials,
            host.reloading,
            host.ready,
        )
        watcher = asyncio.create_task(watch(path, settings, host.reload, callbacks))
        host.ready()
        await host.ended.wait()
        host.stopping()
        watcher.cancel()
        await server.drain()
