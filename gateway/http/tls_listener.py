"""Count connections during their TLS handshake, and limit its time.

asyncio reports a connection only after its handshake, for which it waits a minute: until then,
clients that connect and stay silent would go unnoticed.
"""

import asyncio
import contextlib
import socket
import ssl
from typing import Final

from aiohttp import web

from slimgate.config import Limits
from slimgate.gateway.http.connections import Connections

_RETRY_S: Final = 1.0
"""Pause before accepting again when the process has no free descriptor."""

_AT_A_TIME: Final = 128
"""Most connections to accept in one step of the event loop."""


class TlsListener:
    """Accept connections, and serve those that finish their handshake.

    Args:
        server: Serves the connections.
        connections: Counts them.
        context: Holds the certificate.
        limits: Sets the handshake timeout.
    """

    def __init__(
        self, server: web.Server, connections: Connections, context: ssl.SSLContext, limits: Limits
    ) -> None:
        self._server = server
        self._connections = connections
        self._context = context
        self._timeout_s = limits.handshake_timeout_s
        self._listening: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, listener: socket.socket) -> None:
        """Accept connections from a socket, and close it at the end."""
        listener.setblocking(False)
        self._listening.append(listener)
        asyncio.get_running_loop().add_reader(listener.fileno(), self._accept, listener)

    def stop(self) -> None:
        """Stop accepting; handshakes in progress continue."""
        loop = asyncio.get_running_loop()
        for listener in self._listening:
            loop.remove_reader(listener.fileno())
            listener.close()
        self._listening.clear()

    async def close(self) -> None:
        """Cancel handshakes in progress."""
        self.stop()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def take(self, connection: socket.socket, peer: object) -> asyncio.Task[None] | None:
        """Start the handshake of an accepted connection.

        Returns:
            The handshake; None: there are too many connections, and this one was closed.
        """
        client = self._connections.addresses.of(peer)
        connection.setblocking(False)
        if not self._connections.admits(client):
            connection.close()
            return None
        task = asyncio.create_task(self._shake_hands(connection))
        self._tasks.add(task)
        self._connections.begin_handshake(task, client)
        task.add_done_callback(self._forget)
        return task

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_AT_A_TIME):
            try:
                connection, peer = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._pause(listener)
                return
            self.take(connection, peer)

    def _pause(self, listener: socket.socket) -> None:
        """Stop polling a socket for a while: it stays readable, but accept fails."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener.fileno())
        loop.call_later(_RETRY_S, self._resume, listener)

    def _resume(self, listener: socket.socket) -> None:
        if listener in self._listening:
            asyncio.get_running_loop().add_reader(listener.fileno(), self._accept, listener)

    async def _shake_hands(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            # Clients that do not speak TLS, or time out, are not worth a log line.
            with contextlib.suppress(OSError, TimeoutError):
                await loop.connect_accepted_socket(
                    self._server,
                    connection,
                    ssl=self._context,
                    ssl_handshake_timeout=self._timeout_s,
                )
        except BaseException:
            connection.close()
            raise

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._connections.end_handshake(task)
