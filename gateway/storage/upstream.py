"""The object store behind the gateway: signed, streaming requests."""

import asyncio
import functools
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack
from dataclasses import replace
from http import HTTPStatus
from typing import Final, Self

import structlog
from botocore.auth import UNSIGNED_PAYLOAD
from multidict import CIMultiDict
from prometheus_client import Counter
from yarl import URL

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import CredentialSource, Identity
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.bodies import RepeatableBody
from slimgate.gateway.storage.connection_pool import (
    Client,
    ConnectionHolder,
    ConnectionPool,
    Slot,
)
from slimgate.gateway.storage.credentials.refreshing import UNAVAILABLE
from slimgate.gateway.storage.endpoint import Endpoint
from slimgate.gateway.storage.expect_continue import ExpectContinue
from slimgate.gateway.storage.messages import EMPTY_SHA256, UNREACHABLE, Request
from slimgate.gateway.storage.signing import rejects_credentials, signed
from slimgate.gateway.storage.store_response import StoreResponse
from slimgate.gateway.storage.store_session import StoreSession, open_session
from slimgate.gateway.telemetry import metrics, tracing

_HEALTH_S: Final = 5.0
"""Timeout of a health check, seconds."""

_EXPECTING: Final = 4
"""One of this many store connections may wait for a body to begin."""

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
        self._session: StoreSession | None = None
        self._health: StoreSession | None = None
        self.expectation = ExpectContinue(places=settings.max_connections // _EXPECTING)

    async def __aenter__(self) -> Self:
        self._session = await self._opened(self._settings.max_connections)
        self._health = await self._opened(1)
        return self

    async def _opened(self, connections: int) -> StoreSession:
        expecting = self.expectation.request_class()
        return await self._stack.enter_async_context(
            open_session(self._settings, connections, expecting)
        )

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def send(
        self,
        request: Request,
        source: CredentialSource | None,
        client: Client = None,
        holder: ConnectionHolder | None = None,
    ) -> AbstractAsyncContextManager[StoreResponse]:
        """Send a request on entry and return the response, with its body unread.

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
        return _Exchange(self, request, source, self._pool.slot(client, holder))

    async def is_healthy(self) -> bool:
        """Return whether the store responds with a status below 500, errors included.

        Health checks have their own connection, however many clients wait for the others.
        """
        request = Request("HEAD", Target("", "", ""))
        try:
            async with asyncio.timeout(_HEALTH_S):
                response = await self._answered(self._health, request, None)
            response.end()
        except (S3Error, TimeoutError):
            return False
        return response.status < HTTPStatus.INTERNAL_SERVER_ERROR

    async def respond(self, request: Request, source: CredentialSource | None) -> StoreResponse:
        """Send a request and return the response, which the caller ends.

        Raises:
            S3Error: ServiceUnavailable.
        """
        if source is None or not source.is_renewable:
            identity = None if source is None else await source.current()
            response = await self._answered(self._session, request, identity)
        else:
            response = await self._accepted(self._session, request, source)
        if request.length and response.ok:
            metrics.UPSTREAM_STORED_BYTES.inc(request.length)
        return response

    async def _accepted(
        self, session: StoreSession | None, request: Request, source: CredentialSource
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
        self, session: StoreSession | None, request: Request, identity: Identity | None
    ) -> StoreResponse:
        """Send a request, signed right before, and return the response to it."""
        if session is None:
            raise RuntimeError("enter the upstream's context first")
        url = self._endpoint.url(request.target, request.query)
        headers = _transport_headers(request, url)
        started = time.perf_counter()
        try:
            with tracing.span(f"store {request.method}", "client") as span:
                # Before signing, so that the signature covers them.
                headers.update(tracing.outbound())
                if identity is not None:
                    headers = signed(request, url, headers, identity, self._settings.region)
                response = await session.send(request, url, headers)
                span.set_attribute("http.response.status_code", response.status)
        except UNREACHABLE as error:
            _counted("error").inc()
            raise S3Error("ServiceUnavailable") from error
        finally:
            metrics.UPSTREAM_SECONDS.observe(time.perf_counter() - started)
        _counted(f"{response.status // 100}xx").inc()
        return response


class _Exchange(AbstractAsyncContextManager[StoreResponse]):
    """One request and its response, which hold a slot of the pool."""

    __slots__ = ("_request", "_response", "_slot", "_source", "_upstream")

    def __init__(
        self, upstream: Upstream, request: Request, source: CredentialSource | None, slot: Slot
    ) -> None:
        self._upstream = upstream
        self._request = request
        self._source = source
        self._slot = slot

    async def __aenter__(self) -> StoreResponse:
        request, source = self._request, self._source
        if source is not None:
            query = request.query if request.method == "GET" else ""
            source = source.for_request(request.target, query)
            await source.current()  # hold no connection meanwhile
        await self._slot.__aenter__()
        try:
            response = await self._upstream.respond(request, source)
        except BaseException:
            self._slot.give_back()
            raise
        response.give_back = self._slot.give_back
        self._response = response
        return response

    async def __aexit__(self, *_: object) -> None:
        self._response.end()
        self._slot.give_back()


def _check_accepted(response: StoreResponse, identity: Identity, *, rejected: bool) -> None:
    """Raise ServiceUnavailable if credentials are rejected; of HEAD, that is only a guess."""
    if rejected and response.method != "HEAD":
        _log.error("store rejects upstream credentials", access_key=identity.access_key)
        raise S3Error("ServiceUnavailable", UNAVAILABLE)


@functools.cache
def _counted(status: str) -> Counter:
    """Return the counter of a class of responses: looking up labels takes longer than counting."""
    return metrics.UPSTREAM_REQUESTS.labels(status)


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
