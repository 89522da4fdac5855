"""Every use of undocumented parts of aiohttp's client.

See :mod:`slimgate.gateway.http.aiohttp_internals`, which has those of its server.
"""

import asyncio
import functools
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from aiohttp import StreamReader
from aiohttp.abc import AbstractStreamWriter
from aiohttp.base_protocol import BaseProtocol
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_writer import _serialize_headers as serialize_head
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

_HOSTS: Final = 1024


class BareResponse:
    """The response to a request of :class:`BareRequests`.

    Attributes:
        status: HTTP status.
        headers: All headers.
        content: The body.
    """

    __slots__ = ("_wire", "content", "headers", "status")

    def __init__(
        self, message: RawResponseMessage, content: StreamReader, wire: Connection
    ) -> None:
        self.status: int = message.code
        self.headers: CIMultiDictProxy[str] = message.headers
        self.content = content
        self._wire = wire
        content.on_eof(wire.release)

    def release(self) -> None:
        """Let another request use the connection; the body was read to its end."""
        self._wire.release()

    def close(self) -> None:
        """Close the connection, and fail readers of the body."""
        if self.content.exception() is None:
            self.content.set_exception(aiohttp.ClientConnectionError("Connection closed"))
        self._wire.close()


class BareRequests:
    """Send requests on connections of a session, each with its small body in one system call.

    They need none of what a session does for others: cookies, redirects, authentication, and bodies
    that are sent while responses arrive.

    Args:
        session: The open session.
        read_bufsize: Buffered bytes of a response that pause reading.
    """

    def __init__(self, session: aiohttp.ClientSession, read_bufsize: int) -> None:
        connector = session.connector
        if connector is None:
            raise ValueError("the session is closed")
        self._connector = connector
        self._timeout = session.timeout
        self._options: Mapping[str, Any] = {
            "read_until_eof": True,
            "auto_decompress": False,
            "read_timeout": session.timeout.sock_read,
            "read_bufsize": read_bufsize,
        }
        self._host = functools.lru_cache(_HOSTS)(self._request_to)

    async def send(
        self, method: str, url: URL, headers: CIMultiDict[str], body: bytes = b""
    ) -> BareResponse:
        """Send a request, and return the response with its body unread.

        Args:
            method: HTTP method.
            url: URL.
            headers: All headers, Content-Length included.
            body: The body, which fits into the buffers of a socket.

        Raises:
            aiohttp.ClientError: The server cannot be reached, or does not speak HTTP.
            TimeoutError: It does not respond in time.
        """
        message = serialize_head(f"{method} {url.raw_path_qs} HTTP/1.1", headers) + body
        wire = await self._connected(self._host(url.scheme, url.raw_authority))
        empty, keep = method == "HEAD", "Connection" not in headers
        try:
            answer, content = await self._response(wire, message, empty=empty, keep=keep)
        except HttpProcessingError as error:
            wire.close()
            raise aiohttp.ClientPayloadError(str(error)) from error
        except BaseException:
            wire.close()
            raise
        return BareResponse(answer, content, wire)

    async def _response(
        self, wire: Connection, sent: bytes, *, empty: bool, keep: bool
    ) -> tuple[RawResponseMessage, StreamReader]:
        protocol, transport = wire.protocol, wire.transport
        if protocol is None or transport is None:
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(skip_payload=empty, **self._options)
        transport.write(sent)
        protocol.start_timeout()
        if not keep:
            protocol.force_close()
        while True:
            message, content = await protocol.read()
            if message.code // 100 != 1 or message.code == HTTPStatus.SWITCHING_PROTOCOLS:
                return message, content

    async def _connected(self, host: aiohttp.ClientRequest) -> Connection:
        """Return a connection without leftovers of an earlier response."""
        while True:
            wire = await self._connector.connect(host, [], self._timeout)
            if wire.protocol is None or not wire.protocol.should_close:
                return wire
            wire.close()

    def _request_to(self, scheme: str, authority: str) -> aiohttp.ClientRequest:
        """Return what the connector needs to know about a host."""
        origin = URL.build(scheme=scheme, authority=authority, path="/", encoded=True)
        return aiohttp.ClientRequest("GET", origin, loop=asyncio.get_running_loop())


def send_once(session: aiohttp.ClientSession) -> None:
    """Let a session send no request again by itself when a connection is lost."""
    session._retry_connection = False  # noqa: SLF001


def readable(body: bytes) -> StreamReader:
    """Return a body that is at hand as one to read."""
    loop = asyncio.get_running_loop()
    content = StreamReader(BaseProtocol(loop), len(body) or 1, loop=loop)
    content.feed_data(body)
    content.feed_eof()
    return content


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
