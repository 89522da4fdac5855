"""The object store behind the gateway: signed, streaming requests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Final, Self, cast

import aiohttp
import structlog
from botocore.auth import UNSIGNED_PAYLOAD
from multidict import CIMultiDict
from yarl import URL

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import CredentialSource, Identity
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.bodies import RepeatableBody, payload
from slimgate.gateway.storage.connection_pool import Client, ConnectionHolder, ConnectionPool
from slimgate.gateway.storage.credentials.refreshing import UNAVAILABLE
from slimgate.gateway.storage.endpoint import Endpoint
from slimgate.gateway.storage.expect_continue import ExpectContinue
from slimgate.gateway.storage.messages import EMPTY_SHA256, UNREACHABLE, Request
from slimgate.gateway.storage.signing import rejects_credentials, signed
from slimgate.gateway.storage.store_response import StoreResponse
from slimgate.gateway.telemetry import metrics, tracing

_AUTOMATIC_HEADERS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_HEALTH_S: Final = 5.0
"""Timeout of a health check, seconds."""

_EXPECTING: Final = 4
"""One of this many store connections may wait for a body to begin."""

_READ_BUFFER: Final = 1 << 16
"""Buffered response bytes that pause reading."""

_log = structlog.get_logger(__name__)


class Upstream:
    """Send requests to the store, signed with each caller's own key.

    Args:
        settings: Endpoint, region, addressing and timeouts.
        address_share: Largest share of the connections for one client.

    Attributes:
        expectation: Decides whether to send ``Expect: 100-continue``.
    """

    def __init__(self, settings: UpstreamSettings, address_share: float = 1.0) -> None:
        self._settings = settings
        self._pool = ConnectionPool(
            settings.max_connections, address_share, settings.pool_timeout_s
        )
        self._endpoint = Endpoint(settings)
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None
        self._health_session: aiohttp.ClientSession | None = None
        self.expectation = ExpectContinue(places=settings.max_connections // _EXPECTING)

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
        source: CredentialSource | None,
        client: Client = None,
        holder: ConnectionHolder | None = None,
    ) -> AsyncIterator[StoreResponse]:
        """Send a request and yield the response, with its body unread.

        Args:
            request: The request.
            source: Credentials that sign it; None: unsigned. If the store rejects them, and others
                can be had, a request that can be repeated is sent once more.
            client: Client address, whose share of the connections is limited.
            holder: Request that loses the connection when its client stalls and others wait.

        Raises:
            S3Error: ServiceUnavailable if the store cannot be reached or disconnects, or there are
                no credentials; SlowDown if no connection becomes free in time.
        """
        if source is not None:
            query = request.query if request.method == "GET" else ""
            source = source.for_request(request.target, query)
            await source.current()  # hold no connection meanwhile
        async with (
            self._pool.slot(client, holder) as give_back,
            self._sent(self._session, request, source) as response,
        ):
            response.give_back = give_back
            yield response

    async def is_healthy(self) -> bool:
        """Return whether the store responds with a status below 500, errors included.

        Health checks have their own connection, however many clients wait for the others.
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
        source: CredentialSource | None,
    ) -> AsyncIterator[StoreResponse]:
        if session is None:
            raise RuntimeError("enter the upstream's context first")
        if source is None or not source.is_renewable:
            identity = None if source is None else await source.current()
            response = await self._answered(session, request, identity)
        else:
            response = await self._accepted(session, request, source)
        if response.ok and request.length:
            metrics.UPSTREAM_STORED_BYTES.inc(request.length)
        try:
            yield response
        finally:
            response.end()

    async def _accepted(
        self, session: aiohttp.ClientSession, request: Request, source: CredentialSource
    ) -> StoreResponse:
        """Send a request; if the store rejects the credentials, once more with other ones.

        The client is not told what the store says about them: it would take that for its own, and
        stores repeat session tokens in their errors.

        Raises:
            S3Error: ServiceUnavailable if the store rejects them, and others cannot be had.
        """
        repeatable = RepeatableBody(request.body)
        request = replace(request, body=repeatable.body)
        identity = await source.current()
        response = await self._answered(session, request, identity)
        with ExitStack() as ending:
            ending.callback(response.end)
            rejected = await rejects_credentials(response)
            other = await source.renewed(identity) if rejected else None
            # Asked last: a response may arrive while the body is about to begin.
            if other is None or not repeatable.is_unread:
                _check_accepted(response, identity, rejected=rejected)
                ending.pop_all()
                return response
        response = await self._answered(session, request, other)
        with ExitStack() as ending:
            ending.callback(response.end)
            _check_accepted(response, other, rejected=await rejects_credentials(response))
            ending.pop_all()
        return response

    async def _answered(
        self, session: aiohttp.ClientSession, request: Request, identity: Identity | None
    ) -> StoreResponse:
        """Send a request, signed right before, and return the response to it."""
        url = self._endpoint.url(request.target, request.query)
        headers = _transport_headers(request, url)
        try:
            with (
                metrics.UPSTREAM_SECONDS.time(),
                tracing.span(f"store {request.method}", "client") as span,
            ):
                # Before signing, so that the signature covers them.
                headers.update(tracing.outbound())
                if identity is not None:
                    headers = signed(request, str(url), headers, identity, self._settings.region)
                answer = await session.request(
                    request.method,
                    url,
                    headers=headers,
                    data=payload(request.body),
                    expect100=request.expects,
                    allow_redirects=False,
                )
                response = cast("StoreResponse", answer)  # as configured in the session
                span.set_attribute("http.response.status_code", response.status)
        except UNREACHABLE as error:
            metrics.UPSTREAM_REQUESTS.labels("error").inc()
            raise S3Error("ServiceUnavailable") from error
        metrics.UPSTREAM_REQUESTS.labels(f"{response.status // 100}xx").inc()
        return response


def _check_accepted(response: StoreResponse, identity: Identity, *, rejected: bool) -> None:
    """Raise ServiceUnavailable if credentials are rejected; of HEAD, that is only a guess."""
    if rejected and response.method != "HEAD":
        _log.error("store rejects upstream credentials", access_key=identity.access_key)
        raise S3Error("ServiceUnavailable", UNAVAILABLE)


def _transport_headers(request: Request, url: URL) -> CIMultiDict[str]:
    """Return the headers of a request to the store."""
    headers = CIMultiDict(request.headers)
    headers["Host"] = url.raw_authority
    if request.method == "HEAD" and not _about_object(request.query):
        # Ceph answers HEAD of a sub-resource with a body, which would corrupt the next response.
        headers["Connection"] = "close"
    if request.length is not None:
        headers["Content-Length"] = str(request.length)
    return headers


def _about_object(query: str) -> bool:
    """Return whether a query refers to an object itself, in any version."""
    return all(part.startswith("versionId=") for part in query.split("&") if part)


__all__ = ["EMPTY_SHA256", "UNREACHABLE", "UNSIGNED_PAYLOAD", "Identity", "Request", "Upstream"]
