"""One request on its way through the gateway, and what serves it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from aiohttp import web
from multidict import CIMultiDictProxy

from config import Policies
from gateway.http.byte_budget import Quota
from gateway.http.limits import Limits
from gateway.http.request_body import BodyLimits, Upload, expects_continue
from gateway.http.stall_timer import StallTimer
from gateway.restore.compute import Compute
from gateway.s3 import headers
from gateway.s3.identity import Identity
from gateway.s3.query import Query
from gateway.s3.routing import Target
from gateway.s3.sigv4 import Verified
from gateway.storage.connection_pool import Client
from gateway.storage.object_client import Caller, ObjectClient, UpstreamClient
from gateway.storage.storage import Storage
from gateway.storage.upstream import Request
from gateway.telemetry.telemetry import Telemetry


@dataclass
class Exchange:
    """One request, authenticated.

    Attributes:
        request: As aiohttp received it.
        policies: In force.
        storage: The store.
        compute: Worker processes.
        limits: Across all requests.
        telemetry: Where results are recorded.
        target: Bucket and key.
        headers: What it says in headers, and in its query as headers; all that is judged.
        asked: What its query says besides.
        verified: What the signature says; None for an anonymous request.
        identity: Who asks, in the upstream's eyes; None for nobody.
        request_id: For logs and errors.
        overrides: Headers that go upstream in other words than the client's.
        before_answer: Is done as soon as the store has said yes, before the client hears of it.
    """

    request: web.Request
    policies: Policies
    storage: Storage
    compute: Compute
    limits: Limits
    telemetry: Telemetry
    target: Target
    headers: CIMultiDictProxy[str]
    asked: Query
    verified: Verified | None
    identity: Identity | None
    request_id: str

    overrides: dict[str, str] = field(default_factory=dict)
    before_answer: Callable[[], Awaitable[None]] | None = None

    @property
    def client(self) -> Client:
        """Return the address by which limits know the client; None: they do not bind it."""
        transport = self.request.transport
        peer = transport.get_extra_info("peername") if transport else None
        return self.limits.addresses.of(peer)

    @property
    def upload_room(self) -> Quota:
        """Return the room that the body has among what is held in memory."""
        share = self.limits.settings.address_share
        return self.limits.buffers.client_quota(self.client, share)

    @property
    def query(self) -> str:
        """Give the query without signature and headers."""
        return self.asked.text

    @property
    def parameters(self) -> Mapping[str, str]:
        """Give the decoded query parameters."""
        return self.asked.parameters

    @cached_property
    def stall_timer(self) -> StallTimer:
        """Return how long the client is waited for."""
        return StallTimer(self.limits.settings.min_client_rate)

    @cached_property
    def store(self) -> ObjectClient:
        """Return the store as this caller sees it."""
        passed_along = headers.caller_headers(self.headers, {})
        caller = Caller(self.identity, self.client, self.stall_timer, passed_along)
        return UpstreamClient(self.storage.upstream, caller)

    @cached_property
    def upload(self) -> Upload:
        """Give the request's body."""
        completes = self.request.method == "POST" and "uploadId" in self.parameters
        bounds = BodyLimits(self.limits.settings, self.limits.spool, self.stall_timer)
        return Upload(self.request, self.headers, self.verified, bounds, completes=completes)

    def question(self) -> Request:
        """Give the request as it goes upstream when nothing is uploaded, as a HEAD request."""
        kept = headers.forwardable(self.headers.items())
        return Request("HEAD", self.target, self.query, kept)

    def forwarded(self) -> Request:
        """Give the request as it goes upstream, body included."""
        upload = self.upload
        kept = headers.forwardable(self.headers.items())
        kept.update(self.overrides)
        body = upload if upload.length else None
        expects = body is not None and expects_continue(self.request)
        return Request(
            method=self.request.method,
            target=self.target,
            query=self.query,
            headers=kept,
            body=body,
            length=upload.length,
            payload_hash=upload.forwarded_hash,
            expects=expects and self.storage.upstream.expectation.worthwhile,
        )
