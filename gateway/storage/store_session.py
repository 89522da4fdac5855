"""Connections to the store, and the HTTP client that uses them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.http.aiohttp_client_internals import BareRequests
from slimgate.gateway.storage.bodies import payload
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.store_response import StoreResponse

_AUTOMATIC_HEADERS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

_READ_BUFFER: Final = 1 << 16
"""Buffered response bytes that pause reading."""

_BARE: Final = frozenset({"GET", "HEAD"})


class StoreSession:
    """Send signed requests over one set of connections: with bodies, or faster without.

    Args:
        session: The open session.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._bare = BareRequests(session, _READ_BUFFER)

    async def send(self, request: Request, url: URL, headers: CIMultiDict[str]) -> StoreResponse:
        """Send a request and return the response, with its body unread.

        Args:
            request: The request.
            url: Its URL.
            headers: All headers to send.

        Raises:
            Exception: One of ``UNREACHABLE`` of :mod:`slimgate.gateway.storage.messages`.
        """
        method = request.method
        if method in _BARE and request.body is None and request.length is None:
            return StoreResponse(method, url.host, await self._bare.send(method, url, headers))
        answer = await self._session.request(
            method,
            url,
            headers=headers,
            data=payload(request.body),
            expect100=request.expects,
            allow_redirects=False,
        )
        return StoreResponse(method, url.host, answer)


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
