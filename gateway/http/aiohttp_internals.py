"""Every use of undocumented parts of aiohttp.

No other module reads private attributes of aiohttp, overrides undocumented methods, or imports from
undocumented modules. These can change without notice: pyproject.toml caps the version, and
``tests/gateway/http/test_aiohttp_internals.py`` states what is relied on here. Run it first when
raising the cap.
"""

import abc
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.base_protocol import BaseProtocol
from aiohttp.connector import Connection
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ServerProtocol(RequestHandler):
    """One client connection, as aiohttp serves it.

    aiohttp calls ``connection_made``, ``data_received``, ``pause_reading``, ``resume_writing``,
    ``connection_lost``, ``close`` and ``handle_error``, which subclasses extend.

    Args:
        manager: The server.
        options: Keyword arguments of ``web.AppRunner`` that concern connections.
    """

    def __init__(self, manager: web.Server, **options: Any) -> None:
        # Connection discards the rest of an unwanted body without parsing it.
        own = {**options, "lingering_time": 0.0}
        super().__init__(manager, loop=asyncio.get_running_loop(), **own)

    def time(self) -> float:
        """Return the time of the event loop, seconds."""
        return self._loop.time()

    @property
    def parsed(self) -> int:
        """Return the number of requests parsed on this connection."""
        return self._request_count

    @property
    def newest_body(self) -> StreamReader | None:
        """Return the body of the last parsed request; None: no parsed request is pending."""
        return self._messages[-1][1] if self._messages else None


def received_bytes(body: StreamReader) -> int:
    """Return the number of received bytes of a body, read or not."""
    return body.total_bytes


def most_between_pauses(body: StreamReader) -> int:
    """Return the fewest bytes that arrive between two pauses for flow control."""
    low, high = body.get_read_buffer_limits()
    return high - low


def fail(body: StreamReader, error: Exception) -> None:
    """Raise an error in the reader of a body."""
    body.set_exception(error)


def has_begun(request: web.BaseRequest) -> bool:
    """Return whether part of the response has been sent."""
    return request.writer.output_size > 0


def transports(server: web.Server | None) -> list[asyncio.Transport]:
    """Return the transports of all open connections of a server."""
    connections = server.connections if server is not None else []
    return [each.transport for each in connections if each.transport is not None]


class ProtocolRunner(web.AppRunner, abc.ABC):
    """Run an application with a custom connection protocol."""

    __slots__ = ()

    @abc.abstractmethod
    def protocol(self, server: web.Server, options: Mapping[str, Any]) -> ServerProtocol:
        """Return the protocol of a new connection.

        Args:
            server: The server.
            options: Options of :class:`ServerProtocol`.
        """

    @abc.abstractmethod
    def handler(self, inner: Handler) -> Handler:
        """Wrap a request handler; ``request.protocol`` is a result of :meth:`protocol`."""

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self, self._kwargs)


class _Server(web.Server):
    """A server that uses the runner's protocol."""

    def __init__(self, made: web.Server, runner: ProtocolRunner, options: dict[str, Any]) -> None:
        handler = runner.handler(made.request_handler)
        super().__init__(handler, request_factory=made.request_factory, **options)
        self._runner = runner

    def __call__(self) -> RequestHandler:
        return self._runner.protocol(self, self._kwargs)


def refill(response: aiohttp.ClientResponse, body: bytes) -> None:
    """Let the body of a response be read again.

    Args:
        response: Response whose body has been read to its end.
        body: The body.
    """
    loop = asyncio.get_running_loop()
    content = StreamReader(BaseProtocol(loop), len(body) or 1, loop=loop)
    content.feed_data(body)
    content.feed_eof()
    response.content = content


def bounded_request(wait_s: float, on_silence: Callable[[], None]) -> type[aiohttp.ClientRequest]:
    """Return a request class that limits the wait for ``100 Continue``.

    Args:
        wait_s: Time for the server to send 100 or a response, seconds; then the body is sent.
        on_silence: Called when the server has sent neither in time.
    """

    class BoundedRequest(aiohttp.ClientRequest):
        """A request that sends its body if the server does not respond in time."""

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
            # None until the response head has arrived.
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
    "refill",
    "transports",
]
