"""The admin listener: liveness, readiness, metrics and the playground."""

import asyncio
import time
from http import HTTPStatus
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from slimgate.config import Policies, Settings
from slimgate.gateway.admin.auth import Access
from slimgate.gateway.admin.playground.forms import MAX_FIELDS
from slimgate.gateway.admin.playground.pages import Pages
from slimgate.gateway.admin.playground.rendering import Renderer
from slimgate.gateway.admin.playground.routes import add_playground
from slimgate.gateway.admin.remote_engines import RemoteEnginesReadiness, set_gauges
from slimgate.gateway.cache.peers import Peers
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.http.draining import InFlightRequests
from slimgate.gateway.restore.compute import Compute
from slimgate.gateway.storage.credentials.registry import CredentialRegistry
from slimgate.gateway.storage.upstream import Upstream
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.telemetry.savings_history import SavingsHistory

_PROBE_TTL_S: Final = 5.0


class Readiness:
    """Readiness of this gateway, for load balancers.

    Args:
        upstream: The store.
        credentials: Credentials for the store.
        in_flight: Tells whether the gateway is draining.
        peers: Other gateways; None: unknown.
        engines: Engines on other machines; None: there are none.
    """

    def __init__(
        self,
        upstream: Upstream,
        credentials: CredentialRegistry,
        in_flight: InFlightRequests,
        peers: Peers | None = None,
        engines: RemoteEnginesReadiness | None = None,
    ) -> None:
        self._credentials = credentials
        self._peers = peers
        self._engines = engines
        self._upstream = upstream
        self._in_flight = in_flight
        self._asked = -_PROBE_TTL_S
        self._reached = False
        self._asking = asyncio.Lock()

    @property
    def text(self) -> str:
        """Return what a ready gateway answers: further lines are warnings for people."""
        # These are no reason to take any gateway out of service: it would be all of them.
        warnings = (each.warning for each in (self._peers, self._engines) if each is not None)
        return "ready\n" + "".join(f"warning: {each}\n" for each in warnings if each is not None)

    async def not_ready_reason(self) -> str | None:
        """Return why the gateway is not ready; None: it is."""
        if self._in_flight.draining:
            return "draining"
        # Cache the result, however often clients probe.
        if time.monotonic() - self._asked > _PROBE_TTL_S:
            await self._ask()
        if not self._reached:
            return "the store does not respond: check upstream.endpoint"
        if self._engines is not None and self._engines.not_ready_reason is not None:
            return self._engines.not_ready_reason
        return await self._credentials.not_ready_reason()

    async def _ask(self) -> None:
        async with self._asking:  # one probe for all waiters
            if time.monotonic() - self._asked > _PROBE_TTL_S:
                self._reached = await self._upstream.is_healthy()
                if self._engines is not None:
                    await self._engines.ask()
                self._asked = time.monotonic()


def create_admin(
    settings: Settings,
    policies: Policies,
    compute: Compute,
    buffers: ByteBudget,
    readiness: Readiness,
    history: SavingsHistory,
) -> web.Application:
    """Return the admin application.

    Args:
        settings: Settings, with the admin token if one is required.
        policies: Policies in force.
        compute: Worker processes and cache.
        buffers: Bytes held in memory.
        readiness: Readiness of the gateway.
        history: Savings by day.
    """
    access = Access(settings.admin)
    admin = web.Application(middlewares=[access.middleware()], client_max_size=MAX_FIELDS)

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        not_ready_reason = await readiness.not_ready_reason()
        if not_ready_reason is None:
            return web.Response(text=readiness.text)
        return web.Response(text=f"{not_ready_reason}\n", status=HTTPStatus.SERVICE_UNAVAILABLE)

    async def scrape(_: web.Request) -> web.Response:
        metrics.READY.set(await readiness.not_ready_reason() is None)
        await _set_gauges(compute, buffers)
        body = generate_latest(metrics.REGISTRY)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    admin.router.add_get("/_slimgate/healthz", healthz)
    admin.router.add_get("/_slimgate/readyz", readyz)
    for path in ("/_slimgate/metrics", "/metrics"):
        admin.router.add_get(path, scrape)
    pages = Pages(settings, policies, compute.workers, buffers, Renderer(access), history)
    add_playground(admin, pages, access)
    return admin


async def _set_gauges(compute: Compute, buffers: ByteBudget) -> None:
    """Set the gauges that are sampled rather than counted."""
    metrics.BUFFERED_BYTES.set(buffers.held)
    metrics.CACHE_BYTES.set(compute.cache.held_bytes)
    metrics.WORKER_JOBS.set(compute.workers.jobs)
    metrics.WORKER_JOBS_WAITING.set(compute.workers.waiting)
    metrics.TASKS.set(len(asyncio.all_tasks()))
    status = await compute.workers.engine_status()
    if status is not None:
        metrics.BATCH_FILL.set(status.fill)
        set_gauges(status)
