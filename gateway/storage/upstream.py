"""The bucket behind the gateway: signed requests, byte for byte."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import IO, Final, Self, cast

import aiohttp
from botocore.auth import UNSIGNED_PAYLOAD, S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from multidict import CIMultiDict
from yarl import URL

from config import Upstream as UpstreamSettings
from gateway.s3.errors import S3Error
from gateway.s3.identity import Identity
from gateway.s3.routing import Target
from gateway.storage.connection_pool import Client, Holder, Pool
from gateway.storage.endpoint import Endpoint
from gateway.storage.expect_continue import Expectation
from gateway.storage.messages import EMPTY_SHA256, UNREACHABLE, Body, Request
from gateway.telemetry import metrics, tracing

_AUTOMATIC_HEADERS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_HEALTH_S: Final = 5.0
"""Time for the store to answer a health check."""

_EXPECTING: Final = 4
"""Of so many connections to the store, one may wait for the beginning of a body."""

_READ_BUFFER: Final = 1 << 16
"""Bytes of an answer that wait to be taken, before no more are read."""

_LARGE: Final = 1 << 20
"""Bytes that are too many to hand to the kernel at once."""


class _Signer(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """botocore's signer, told the payload's hash instead of reading the payload."""

    def payload(self, request: AWSRequest) -> str:
        payload_hash: str = request.context["payload_hash"]
        return payload_hash


class StoreResponse(aiohttp.ClientResponse):
    """An answer of the store that gives its place among the connections back."""

    give_back: Callable[[], None]

    def let_go(self) -> None:
        """Leave the connection to others; see :class:`gateway.storage.messages.Response`."""
        self.release() if self.content.at_eof() else self.close()
        self.give_back()


class Upstream:
    """Talks to the bucket with each caller's own key.

    Args:
        settings: Endpoint, region, addressing and time-outs.
        address_share: The largest part of the connections that one client may hold.

    Attributes:
        expectation: Whether the store can be asked before it gets a body.
    """

    def __init__(self, settings: UpstreamSettings, address_share: float = 1.0) -> None:
        self._settings = settings
        self._pool = Pool(settings.max_connections, address_share, settings.pool_timeout_s)
        self._endpoint = Endpoint(settings)
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None
        self._health_session: aiohttp.ClientSession | None = None
        self.expectation = Expectation(places=settings.max_connections // _EXPECTING)

    async def __aenter__(self) -> Self:
        self._session = await self._open_session(self._settings.max_connections)
        self._health_session = await self._open_session(1, _HEALTH_S)
        return self

    async def _open_session(
        self, connections: int, total_s: float | None = None
    ) -> aiohttp.ClientSession:
        timeout = aiohttp.ClientTimeout(
            total=total_s,
            sock_connect=self._settings.connect_timeout_s,
            sock_read=self._settings.read_timeout_s,
        )
        return await self._stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=connections),
                request_class=self.expectation.request_class(),
                response_class=StoreResponse,
                timeout=timeout,
                auto_decompress=False,
                skip_auto_headers=_AUTOMATIC_HEADERS,
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=_READ_BUFFER,
            )
        )

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def send(
        self,
        request: Request,
        identity: Identity | None,
        client: Client = None,
        holder: Holder | None = None,
    ) -> AsyncIterator[StoreResponse]:
        """Send a request as that identity and give the response, its body still unread.

        Args:
            request: What to send.
            identity: Whose key signs it; None sends it unsigned.
            client: On whose behalf: its share of the connections is bounded.
            holder: What loses the connection while its client is silent and others wait for one.

        Raises:
            S3Error: ServiceUnavailable when the upstream cannot be reached or breaks off, SlowDown
                when no connection gets free in time.
        """
        async with (
            self._pool.place(client, holder) as give_back,
            self._sent(self._session, request, identity) as response,
        ):
            response.give_back = give_back
            yield response

    async def is_healthy(self) -> bool:
        """Return whether the store answers with less than 500, a refusal included.

        The question has a connection of its own, however many clients wait for the others.
        """
        request = Request("HEAD", Target("", "", ""))
        try:
            async with self._sent(self._health_session, request, None) as response:
                return response.status < HTTPStatus.INTERNAL_SERVER_ERROR
        except S3Error:
            return False

    @asynccontextmanager
    async def _sent(
        self,
        session: aiohttp.ClientSession | None,
        request: Request,
        identity: Identity | None,
    ) -> AsyncIterator[StoreResponse]:
        if session is None:
            raise RuntimeError("the upstream is used outside its context")
        url = self._endpoint.url(request.target, request.query)
        headers = _transport_headers(request, url)
        try:
            with (
                metrics.UPSTREAM_SECONDS.time(),
                tracing.span(f"store {request.method}", "client") as span,
            ):
                # Before signing, which then takes every header into account that it has to.
                headers.update(tracing.outbound())
                if identity is not None:
                    headers = self._signed(request, str(url), headers, identity)
                answer = await session.request(
                    request.method,
                    url,
                    headers=headers,
                    data=_payload(request.body),
                    expect100=request.expects,
                    allow_redirects=False,
                )
                response = cast("StoreResponse", answer)  # as the session was told to make them
                span.set_attribute("http.response.status_code", response.status)
        except UNREACHABLE as error:
            metrics.UPSTREAM_REQUESTS.labels("error").inc()
            raise S3Error("ServiceUnavailable") from error
        metrics.UPSTREAM_REQUESTS.labels(f"{response.status // 100}xx").inc()
        if response.ok and request.length:
            metrics.UPSTREAM_STORED_BYTES.inc(request.length)
        try:
            yield response
        finally:
            # Gives the connection back when the body was read to its end, and closes it otherwise.
            response.close() if not response.content.at_eof() else response.release()

    def _signed(
        self, request: Request, url: str, headers: CIMultiDict[str], identity: Identity
    ) -> CIMultiDict[str]:
        to_sign = AWSRequest(method=request.method, url=url, headers=dict(headers))
        to_sign.context["payload_hash"] = request.payload_hash
        credentials = Credentials(identity.access_key, identity.secret_key)
        _Signer(credentials, "s3", self._settings.region).add_auth(to_sign)
        return CIMultiDict(to_sign.headers.items())


def _transport_headers(request: Request, url: URL) -> CIMultiDict[str]:
    """Add what the way to the store needs."""
    headers = CIMultiDict(request.headers)
    headers["Host"] = url.raw_authority
    if request.method == "HEAD" and not _about_object(request.query):
        # Ceph answers HEAD of a sub-resource with a body, which must not meet the next request.
        headers["Connection"] = "close"
    if request.length is not None:
        headers["Content-Length"] = str(request.length)
    return headers


def _about_object(query: str) -> bool:
    """Return whether a query asks for an object itself, in whatever version."""
    return all(part.startswith("versionId=") for part in query.split("&") if part)


def _payload(body: Body) -> Body | IO[bytes]:
    """Let aiohttp send what is large piece by piece: it would hand bytes to the kernel at once."""
    return io.BytesIO(body) if isinstance(body, bytes) and len(body) > _LARGE else body


__all__ = ["EMPTY_SHA256", "UNREACHABLE", "UNSIGNED_PAYLOAD", "Identity", "Request", "Upstream"]
