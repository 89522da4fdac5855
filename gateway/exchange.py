"""One request on its way through the gateway, and what serves it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from aiohttp import web
from multidict import CIMultiDictProxy

from config import Policies, Settings
from gateway.admin.savings import BucketSavings
from gateway.cache.memory import Cache
from gateway.cache.single_flight import SingleFlight
from gateway.http.body_scheduler import BodyScheduler
from gateway.http.byte_budget import ByteBudget, Quota
from gateway.http.client_addresses import ClientAddresses
from gateway.http.draining import InFlightRequests
from gateway.http.request_body import BodyLimits, Upload, expects_continue
from gateway.http.stall_timer import StallTimer
from gateway.optimize.shadow_log import Ledger
from gateway.s3 import headers
from gateway.s3.identity import Identity
from gateway.s3.query import Query
from gateway.s3.routing import Target
from gateway.s3.sigv4 import Verified
from gateway.storage.cached_answers import Remembered
from gateway.storage.completing import Completing
from gateway.storage.connection_pool import Client
from gateway.storage.cross_origin import Allowances
from gateway.storage.listing_index import LogicalIndex
from gateway.storage.manifest_seals import Seals
from gateway.storage.multipart_state import Uploads
from gateway.storage.object_client import Caller, ObjectClient, UpstreamClient
from gateway.storage.upstream import Request, Upstream
from gateway.telemetry.tracing import Tracer
from gateway.workers.pool import Workers


@dataclass(slots=True)
class Services:
    """What lives as long as the gateway; ``policies`` is replaced when they are reloaded."""

    settings: Settings
    policies: Policies
    upstream: Upstream
    workers: Workers
    cache: Cache
    index: LogicalIndex
    buffers: ByteBudget
    spool: ByteBudget
    listing_heads: asyncio.Semaphore
    ledger: Ledger
    seals: Seals
    addresses: ClientAddresses = field(default_factory=ClientAddresses)
    tracer: Tracer | None = None
    in_flight: InFlightRequests = field(default_factory=InFlightRequests)
    body_scheduler: BodyScheduler = field(default_factory=BodyScheduler)
    buckets: BucketSavings = field(default_factory=BucketSavings)
    locked_buckets: Remembered = field(default_factory=Remembered)
    allowances: Allowances = field(default_factory=Allowances)
    uploads: Uploads[Mapping[str, str]] = field(default_factory=Uploads)
    copied: Uploads[Any] = field(default_factory=Uploads)
    readings: SingleFlight[Any] = field(default_factory=SingleFlight)
    restores: SingleFlight[Any] = field(default_factory=SingleFlight)
    completing: Completing = field(default_factory=Completing)
    finishing: set[asyncio.Task[Any]] = field(default_factory=set)


SERVICES = web.AppKey("services", Services)


@dataclass
class Exchange:
    """One request, authenticated.

    Attributes:
        request: As aiohttp received it.
        services: What lives longer than the request.
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
    services: Services
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
        return self.services.addresses.of(peer)

    @property
    def upload_room(self) -> Quota:
        """Return the room that the body has among what is held in memory."""
        share = self.services.settings.limits.address_share
        return self.services.buffers.client_quota(self.client, share)

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
        return StallTimer(self.services.settings.limits.min_client_rate)

    @cached_property
    def store(self) -> ObjectClient:
        """Return the store as this caller sees it."""
        passed_along = headers.caller_headers(self.headers, {})
        caller = Caller(self.identity, self.client, self.stall_timer, passed_along)
        return UpstreamClient(self.services.upstream, caller)

    @cached_property
    def upload(self) -> Upload:
        """Give the request's body."""
        completes = self.request.method == "POST" and "uploadId" in self.parameters
        bounds = BodyLimits(self.services.settings.limits, self.services.spool, self.stall_timer)
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
            expects=expects and self.services.upstream.expectation.worthwhile,
        )
