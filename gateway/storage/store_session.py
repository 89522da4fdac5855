"""Connections to the store, and the HTTP client that uses them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.http.aiohttp_client_internals import BareRequests, send_once
from slimgate.gateway.storage.bodies import RepeatableBody, payload
from slimgate.gateway.storage.messages import FIRST_PIECE, Request
from slimgate.gateway.storage.store_response import StoreResponse

_AUTOMATIC_HEADERS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

_READ_BUFFER: Final = 1 << 16
"""Buffered response bytes that pause reading."""

_WITHOUT_LENGTH: Final = frozenset({"GET", "HEAD"})
"""Methods whose requests without a body need no Content-Length (RFC 9110 section 8.6)."""

_IDEMPOTENT: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PUT"})
"""Methods whose requests may be sent again (RFC 9110 section 9.2.2)."""

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_CONDITIONS: Final = ("If-Match", "If-None-Match", "x-amz-write-offset-bytes")
"""Headers that a write no longer fulfils once it has been applied."""


class StoreSession:
    """Send signed requests over one set of connections, small ones in one system call.

    Args:
        session: The open session; it sends each request once from now on.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        send_once(session)
        self._session = session
        self._bare = BareRequests(session, _READ_BUFFER)

    async def send(self, request: Request, url: URL, headers: CIMultiDict[str]) -> StoreResponse:
        """Send a request and return the response, with its body unread.

        Stores close idle connections at any time: a request that is lost with its connection is
        sent once more, unless it could be refused for its own first success.

        Args:
            request: The request.
            url: Its URL.
            headers: All headers to send.

        Raises:
            Exception: One of ``UNREACHABLE`` of :mod:`slimgate.gateway.storage.messages`.
        """
        try:
            return await self._sent(request, url, headers)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            if not _may_repeat(request, headers):
                raise
        return await self._sent(request, url, headers)

    async def _sent(self, request: Request, url: URL, headers: CIMultiDict[str]) -> StoreResponse:
        method, small = request.method, _small_body(request)
        if small is not None:
            bare = await self._bare.send(method, url, headers, small)
            return StoreResponse(method, url.host, bare)
        answer = await self._session.request(
            method,
            url,
            headers=headers,
            data=payload(request.body),
            expect100=request.expects,
            allow_redirects=False,
        )
        return StoreResponse(method, url.host, answer)


def _may_repeat(request: Request, headers: CIMultiDict[str]) -> bool:
    if request.method not in _IDEMPOTENT:
        return False
    body = request.body
    if isinstance(body, RepeatableBody):
        return body.is_unread  # and nothing can have been applied
    at_hand = body is None or isinstance(body, bytes)
    is_read = request.method in _READS
    return at_hand and (is_read or not any(map(headers.__contains__, _CONDITIONS)))


def _small_body(request: Request) -> bytes | None:
    """Return a body to be sent together with the head; None: the request has another one."""
    body, length = request.body, request.length
    if body is None:
        bodiless = length == 0 or (length is None and request.method in _WITHOUT_LENGTH)
        return b"" if bodiless else None
    if not isinstance(body, bytes) or len(body) != length or request.expects:
        return None
    return body if length <= FIRST_PIECE else None


@asynccontextmanager
async def open_session(
    settings: UpstreamSettings, connections: int, request_class: type[aiohttp.ClientRequest]
) -> AsyncIterator[StoreSession]:
    """Open a session, and close its connections at the end.

    Args:
        settings: Timeouts.
        connections: Most connections.
        request_class: Class of requests with a body.
    """
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=settings.connect_timeout_s, sock_read=settings.read_timeout_s
    )
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        request_class=request_class,
        timeout=timeout,
        auto_decompress=False,
        skip_auto_headers=_AUTOMATIC_HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=_READ_BUFFER,
    ) as session:
        yield StoreSession(session)
