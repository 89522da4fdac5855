"""All client connections: admission, and timeouts.

aiohttp closes idle connections. It bounds neither their number nor the time a client takes to send
a request head or to read a response; :mod:`slimgate.gateway.http.request_body` bounds bodies.
"""

import asyncio
from typing import Final

from prometheus_client import Gauge

from slimgate.config import Limits
from slimgate.gateway.http.client_addresses import ClientAddresses
from slimgate.gateway.http.connection import Connection
from slimgate.gateway.http.connection_counts import ConnectionCounts
from slimgate.gateway.http.discarding import DiscardThrottle
from slimgate.gateway.telemetry import metrics

_LEAST_IDLE_S: Final = 1.0
"""Idle time after which a connection may be closed to admit a new one."""

_MAX_REFUSALS: Final = 256
"""Most refused clients that wait for their error; beyond it, the oldest are aborted."""

_TICKS: Final = 4
"""Checks of timeouts within the shortest of them."""


class Connections:
    """Admit connections and enforce their timeouts.

    Args:
        limits: Connection counts and timeouts.
        addresses: Identifies clients.
        gauge: Set to the number of served connections.
    """

    def __init__(self, limits: Limits, addresses: ClientAddresses, gauge: Gauge) -> None:
        self._limits = limits
        self._gauge = gauge
        self.addresses = addresses
        self.client_timeout_s = limits.client_timeout_s
        self.discarding = DiscardThrottle()
        self.max_head_bytes = max(limits.max_head_bytes, limits.max_header_bytes)
        self._counts = ConnectionCounts(limits)
        self._served: set[Connection] = set()
        self._closing: dict[Connection, None] = {}
        self._idle: dict[Connection, None] = {}
        self._idle_of: dict[str | None, dict[Connection, None]] = {}
        self._handshakes: dict[asyncio.Task[None], tuple[str | None, float]] = {}

    @property
    def count(self) -> int:
        """Return the number of served connections."""
        return len(self._served)

    def admits(self, client: str | None) -> bool:
        """Return whether a new connection fits, closing an idle one if necessary.

        Args:
            client: Its address.
        """
        counts, now = self._counts, asyncio.get_running_loop().time()
        if counts.is_client_full(client):
            fits = self._end_idle(self._idle_of.get(client, {}), now)
        else:
            fits = not counts.is_full or self._end_handshake(now) or self._end_idle(self._idle, now)
        if not fits:
            counts.note_refusal(client)
        return fits

    def admit(self, connection: Connection) -> bool:
        """Serve a new connection and return True, or refuse it."""
        socket_transport = connection.socket_transport
        shaken = (
            socket_transport is not None
            and socket_transport.get_extra_info("sslcontext") is not None
        )
        if shaken or self.admits(connection.client):
            self._served.add(connection)
            self._counts.add(connection.client)
            self._gauge.inc()
            self.note_idle(connection)
            return True
        self._close_soon(connection)
        return False

    def note_idle(self, connection: Connection) -> None:
        """Mark a connection as waiting for a request."""
        self._idle[connection] = None
        self._idle_of.setdefault(connection.client, {})[connection] = None

    def note_busy(self, connection: Connection) -> None:
        """Mark a connection as busy or closed."""
        self._idle.pop(connection, None)
        of_client = self._idle_of.get(connection.client)
        if of_client is not None:
            of_client.pop(connection, None)
            if not of_client:
                del self._idle_of[connection.client]

    def refuse(self, connection: Connection) -> None:
        """Stop serving a connection, but let its client read the error."""
        self.forget(connection)
        self._close_soon(connection)

    def forget(self, connection: Connection) -> None:
        """Stop counting a connection."""
        if connection in self._served:
            self._served.remove(connection)
            self._counts.remove(connection.client)
            self._gauge.dec()
        self._closing.pop(connection, None)
        self.note_busy(connection)

    def begin_handshake(self, task: asyncio.Task[None], client: str | None) -> None:
        """Count a connection during its TLS handshake; call :meth:`admits` first."""
        self._counts.add(client)
        self._handshakes[task] = (client, asyncio.get_running_loop().time())

    def end_handshake(self, task: asyncio.Task[None]) -> None:
        """Stop counting a handshake."""
        if task in self._handshakes:
            self._counts.remove(self._handshakes.pop(task)[0])

    async def watch(self) -> None:
        """Abort connections that exceed a timeout, until cancelled."""
        limits = self._limits
        shortest = min(limits.head_timeout_s, limits.keepalive_timeout_s, limits.client_timeout_s)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(1.0, shortest / _TICKS))
            for connection in [*self._served, *self._closing]:
                reason = connection.timeout_reason(limits, loop.time())
                if reason is not None:
                    self.abort(connection, reason)

    def abort(self, connection: Connection, reason: str) -> None:
        """Abort a connection.

        Args:
            connection: The connection.
            reason: Label of the metric.
        """
        metrics.CONNECTIONS_CUT.labels(reason).inc()
        self.forget(connection)
        if connection.socket_transport is not None:
            connection.socket_transport.abort()

    def _close_soon(self, connection: Connection) -> None:
        self._closing[connection] = None
        if len(self._closing) > _MAX_REFUSALS:
            self.abort(next(iter(self._closing)), "refused")

    @property
    def _least_idle_s(self) -> float:
        return min(_LEAST_IDLE_S, self._limits.keepalive_timeout_s)

    def _end_idle(self, idle: dict[Connection, None], now: float) -> bool:
        """Abort the connection that has been idle longest, to admit another."""
        longest = next(iter(idle), None)
        if longest is None or now - longest.since < self._least_idle_s:
            return False
        self.abort(longest, "room")
        return True

    def _end_handshake(self, now: float) -> bool:
        """Cancel the oldest handshake, to admit another connection."""
        task = next(iter(self._handshakes), None)
        if task is None or now - self._handshakes[task][1] < self._least_idle_s:
            return False
        metrics.CONNECTIONS_CUT.labels("room").inc()
        self.end_handshake(task)
        task.cancel()
        return True
