"""Every use of undocumented parts of aiohttp's server; those of its client have another module.

Only these two modules read private attributes of aiohttp, override undocumented methods, or import
from undocumented modules. These can change without notice: pyproject.toml caps the version, and
``tests/gateway/http/test_aiohttp_internals.py`` states what is relied on here. Run it first when
raising the cap.
"""

import abc
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import ClientConnectionResetError, StreamReader, web
from aiohttp.http import SERVER_SOFTWARE, StreamWriter
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
ExpectHandler = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


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


def hold_head(response: web.StreamResponse) -> None:
    """Let the head of a response wait for its body, to send both in one system call."""
    response._send_headers_immediately = False  # noqa: SLF001  # see above


async def write_with_head(request: web.BaseRequest, body: memoryview) -> bool:
    """Send a held head and the whole body after it in one system call, without copying them.

    Args:
        request: Request whose response has been prepared.
        body: The body.

    Returns:
        Whether they were sent; False: the head has been sent before, or the body is encoded.

    Raises:
        ConnectionError: The client has disconnected.
    """
    writer = request.writer
    if not isinstance(writer, StreamWriter) or writer.chunked or writer._compress:  # noqa: SLF001
        return False
    head, transport = writer._headers_buf, writer.transport  # noqa: SLF001
    if not head or writer.length != len(body):
        return False
    if transport is None or transport.is_closing():
        raise ClientConnectionResetError("the client has disconnected")
    writer._headers_buf, writer._headers_written = None, True  # noqa: SLF001
    writer.length = 0
    writer.output_size += len(head) + len(body)
    # aiohttp joins them before some versions of Python, where it matters for asyncio's event loop.
    transport.writelines((head, body))
    await writer.drain()
    return True


def transports(server: web.Server | None) -> list[asyncio.Transport]:
    """Return the transports of all open connections of a server."""
    connections = server.connections if server is not None else []
    return [each.transport for each in connections if each.transport is not None]


class _OneRoute(web.UrlDispatcher):
    """Lead all requests to one handler, without looking at their paths."""

    def __init__(self, handler: Handler, expect_handler: ExpectHandler) -> None:
        super().__init__()
        route = self.add_route("*", "/{anything:.*}", handler, expect_handler=expect_handler)
        self._only = route

    async def resolve(self, request: web.Request) -> web.UrlMappingMatchInfo:
        """Return the route."""
        return web.UrlMappingMatchInfo({}, self._only)


def lead_all(app: web.Application, handler: Handler, expect_handler: ExpectHandler) -> None:
    """Lead all requests to one handler, before any other route is added.

    Args:
        app: The application.
        handler: Receives them behind the middlewares.
        expect_handler: Called before for ``Expect: 100-continue``.
    """
    app._router = _OneRoute(handler, expect_handler)  # noqa: SLF001  # see above


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


__all__ = [
    "SERVER_SOFTWARE",
    "Handler",
    "LineTooLong",
    "ProtocolRunner",
    "ServerProtocol",
    "fail",
    "has_begun",
    "hold_head",
    "lead_all",
    "most_between_pauses",
    "received_bytes",
    "transports",
    "write_with_head",
]
