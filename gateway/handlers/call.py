"""One authenticated request, and the store request that forwards it."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from slimgate.gateway.http import responses
from slimgate.gateway.http.byte_budget import Quota
from slimgate.gateway.http.client_limits import RequestHold
from slimgate.gateway.http.request_body import (
    BodyLimits,
    Upload,
    declared_hash,
    expects_continue,
)
from slimgate.gateway.http.responses import Streamed
from slimgate.gateway.http.stall_timer import StallTimer
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.identity import CredentialSource
from slimgate.gateway.s3.query import Query
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.s3.sigv4 import Verified
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.object_client import ObjectClient


async def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Call:
    """One authenticated request.

    Attributes:
        request: Request as aiohttp received it.
        request_id: ID for logs and errors.
        target: Bucket and key.
        headers: Effective headers, those in the query included.
        query: Remaining query parameters.
        verified: Verified signature; None for an anonymous request.
        source: Credentials for the store; None for an anonymous request.
        client: Client of the store, for this caller.
        stall_timer: Measures how long the gateway has waited for the client.
        body_limits: Limits of the body.
        address: Address that limits apply to; None: none apply.
        upload_quota: Memory quota of the body.
        hold: What the request holds of the limits of its clients.
        translated: Headers that replace the client's in requests to the store.
        accepted: Awaited after the store has accepted the request, before the response.
        started: When the request began, monotonic seconds.
    """

    request: web.Request
    request_id: str
    target: Target
    headers: CIMultiDictProxy[str]
    query: Query
    verified: Verified | None
    source: CredentialSource | None
    client: ObjectClient
    stall_timer: StallTimer
    body_limits: BodyLimits
    address: str | None
    upload_quota: Quota
    translated: Mapping[str, str] = field(default_factory=dict)
    accepted: Callable[[], Awaitable[None]] = _nothing
    hold: RequestHold = field(default_factory=RequestHold)
    started: float = field(default_factory=time.monotonic)

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return self.request.method

    @property
    def parameters(self) -> Mapping[str, str]:
        """Return the decoded query parameters."""
        return self.query.parameters

    @property
    def headers_outside_query(self) -> Mapping[str, str]:
        """Return the headers without those of the query; only what the client added by itself."""
        return self.request.headers

    @property
    def elapsed_s(self) -> float:
        """Return the time since the request began, seconds."""
        return time.monotonic() - self.started

    @cached_property
    def upload(self) -> Upload:
        """Return the body.

        Raises:
            S3Error: A declared length or digest is malformed.
        """
        completes = self.method == "POST" and "uploadId" in self.parameters
        return Upload(
            self.request, self.headers, self.verified, self.body_limits, completes=completes
        )

    def with_client(self, client: ObjectClient) -> "Call":
        """Return the same call, what was read of its body included, with another client."""
        other = replace(self, client=client)
        other.__dict__["upload"] = self.upload
        return other

    def begin(self, status: int, shown: CIMultiDict[str]) -> Streamed:
        """Return a streaming response; see :func:`slimgate.gateway.http.responses.begin`."""
        return responses.begin(self.request, self.request_id, status, shown)

    def whole(self, shown: CIMultiDict[str], body: bytes = b"") -> web.Response:
        """Return a complete response; see :func:`slimgate.gateway.http.responses.whole`."""
        return responses.whole(self.request_id, shown, body)


Handler = Callable[[Call], Awaitable[web.StreamResponse]]
"""Handles one operation."""


def forwarded(call: Call, changes: Mapping[str, str] | None = None) -> Request:
    """Return the store request that forwards a client's request, body included.

    Args:
        call: Request of the client.
        changes: Headers that replace the client's, in addition to ``call.translated``.

    Raises:
        S3Error: A declared length or digest is malformed.
    """
    kept = headers.forwardable(call.headers.items())
    kept.update(call.translated)
    kept.update(changes or {})
    if call.method == "GET" and not call.request.can_read_body:
        hashed = declared_hash(call.headers, call.verified)
        return Request("GET", call.target, call.query.text, kept, payload_hash=hashed)
    upload = call.upload
    body = upload if upload.length else None
    return Request(
        method=call.method,
        target=call.target,
        query=call.query.text,
        headers=kept,
        body=body,
        length=upload.length,
        payload_hash=upload.forwarded_hash,
        expects=body is not None and expects_continue(call.request),
    )


def head_of(call: Call) -> Request:
    """Return the client's request as HEAD, announcing the body as the client did."""
    if call.request.can_read_body:
        return replace(forwarded(call), method="HEAD")
    kept = headers.forwardable(call.headers.items())
    return Request("HEAD", call.target, call.query.text, kept)
