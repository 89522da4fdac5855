"""Limits across all requests, and their current use."""

import asyncio
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web

from slimgate.config import Limits as LimitSettings
from slimgate.gateway.http.body_scheduler import BodyScheduler
from slimgate.gateway.http.byte_budget import ByteBudget, Quota
from slimgate.gateway.http.client_addresses import ClientAddresses
from slimgate.gateway.http.client_limits import ClientCounts, counts_of
from slimgate.gateway.http.draining import InFlightRequests


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits across all requests, and their current use.

    Attributes:
        settings: Configured limits.
        buffers: Bytes held in memory.
        spool: Bytes of bodies on disk.
        listing_heads: Limits concurrent HEAD requests of listings.
        addresses: Identifies clients.
        per_address: Counts what addresses hold; None: without limits.
        per_identity: The same of access keys.
        body_scheduler: Shares the event loop among bodies.
        in_flight: Requests in flight, and whether the gateway is draining.
    """

    settings: LimitSettings
    buffers: ByteBudget
    spool: ByteBudget
    listing_heads: asyncio.Semaphore
    addresses: ClientAddresses
    per_address: ClientCounts | None = None
    per_identity: ClientCounts | None = None
    body_scheduler: BodyScheduler = field(default_factory=BodyScheduler)
    in_flight: InFlightRequests = field(default_factory=InFlightRequests)

    @classmethod
    def of(cls, settings: LimitSettings) -> Self:
        """Return unused limits."""
        return cls(
            settings=settings,
            buffers=ByteBudget(settings.max_buffered_bytes),
            spool=ByteBudget(settings.max_spooled_bytes),
            listing_heads=asyncio.Semaphore(settings.max_listing_heads),
            addresses=ClientAddresses(settings.proxies),
            per_address=counts_of("address", settings.per_address),
            per_identity=counts_of("identity", settings.per_identity),
        )

    def address_of(self, request: web.Request) -> str | None:
        """Return the client address that limits apply to; None: none apply."""
        transport = request.transport
        peer = transport.get_extra_info("peername") if transport else None
        address = self.addresses.of(peer)
        if address is None and peer and self.settings.forwarded_for:
            return self.addresses.forwarded(request.headers.getall("X-Forwarded-For", ()))
        return address

    def quota_of(self, address: str | None) -> Quota:
        """Return the memory quota for one upload of a client."""
        return self.buffers.client_quota(address, self.settings.address_share)
