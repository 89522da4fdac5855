"""What this package uses of aiohttp beyond its documentation.

No other module reads a private attribute of aiohttp, overrides an undocumented method, or imports
from a module that its manual does not name. Such things change without notice, so pyproject.toml
caps the version, and ``tests/gateway/http/test_aiohttp_internals.py`` states everything that is
relied on here: run it first when the cap is raised.
"""

import abc
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ServerProtocol(RequestHandler):
    """One connection of a client, as aiohttp serves it.

    aiohttp calls ``connection_made``, ``data_received``, ``pause_reading``, ``resume_writing``,
    ``connection_lost``, ``close`` and ``handle_error``, which subclasses extend.

    Args:
        manager: The server that the connection belongs to.
        options: Keywords of ``web.AppRunner`` that are about connections.
    """

    def __init__(self, manager: web.Server, **options: Any) -> None:
        # The rest of an unwanted body is discarded unparsed, by our own code.
        own = {**options, "lingering_time": 0.0}
        super().__init__(manager, loop=asyncio.get_running_loop(), **own)

    def time(self) -> float:
        """Return the time of the event loop, seconds."""
        return self._loop.time()

    @property
    def parsed(self) -> int:
        """Return how many requests have been parsed on this connection so far."""
        return self._request_count

    @property
    def newest_body(self) -> StreamReader | None:
        """Return the body of the request parsed last; None: no request waits to be handled."""
        return self._messages[-1][1] if self._messages else None


def received_bytes(body: StreamReader) -> int:
    """Return how many bytes of a body have arrived, read or not."""
    return body.total_bytes


def most_between_pauses(body: StreamReader) -> int:
    """Return how many bytes have arrived, at the least, when flow control pauses a body twice."""
    low, high = body.get_read_buffer_limits()
    return high - low


def fail(body: StreamReader, error: Exception) -> None:
    """Let whatever reads a body get this error."""
    body.set_exception(error)


def has_begun(request: web.BaseRequest) -> bool:
    """Return whether some of the answer to a request has been sent."""
    return request.writer.output_size > 0


def transports(server: web.Server | None) -> list[asyncio.Transport]:
    """Return the transports of all open connections of a server."""
    connections = server.connections if server is not None else []
    return [each.transport for each in connections if each.transport is not None]


class ProtocolRunner(web.AppRunner, abc.ABC):
    """Run an application whose connections are served by a protocol of the caller's."""

    __slots__ = ()

    @abc.abstractmethod
    def protocol(self, server: web.Server, options: Mapping[str, Any]) -> ServerProtocol:
        """Make the protocol of a new connection.

        Args:
            server: What it belongs to.
            options: What :class:`ServerProtocol` takes.
        """

    @abc.abstractmethod
    def handler(self, inner: Handler) -> Handler:
        """Wrap what answers a request; the request's ``protocol`` is one of :meth:`protocol`."""

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self, self._kwargs)


class _Server(web.Server):
    """Serves what another server would, by protocols of the runner's."""

    def __init__(self, made: web.Server, runner: ProtocolRunner, options: dict[str, Any]) -> None:
        handler = runner.handler(made.request_handler)
        super().__init__(handler, request_factory=made.request_factory, **options)
        self._runner = runner

    def __call__(self) -> RequestHandler:
        return self._runner.protocol(self, self._kwargs)


def bounded_request(wait_s: float, on_silence: Callable[[], None]) -> type[aiohttp.ClientRequest]:
    """Return a class of requests that wait for ``100 Continue`` only so long.

    Args:
        wait_s: Time for the server to say 100 or to answer, seconds; then the body is sent.
        on_silence: Called when the server has done neither in time.
    """

    class BoundedRequest(aiohttp.ClientRequest):
        """A request that sends its body when the server has not answered in time."""

        async def write_bytes(
            self,
            writer: AbstractStreamWriter,
            conn: Connection,
            content_length: int | None = None,
        ) -> None:
            word = self._continue
            if word is None:
                return await super().write_bytes(writer, conn, content_length)
            timer = asyncio.get_running_loop().call_later(wait_s, self._go_on, word)
            try:
                return await super().write_bytes(writer, conn, content_length)
            finally:
                timer.cancel()

        def _go_on(self, word: "asyncio.Future[bool]") -> None:
            # None until the head of an answer is there.
            answered = getattr(self.response, "status", None) is not None
            if not word.done() and not answered:
                on_silence()
                word.set_result(False)

    return BoundedRequest


__all__ = [
    "SERVER_SOFTWARE",
    "Handler",
    "LineTooLong",
    "ProtocolRunner",
    "ServerProtocol",
    "bounded_request",
    "fail",
    "has_begun",
    "most_between_pauses",
    "received_bytes",
    "transports",
]
