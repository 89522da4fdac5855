"""The listener for operators: is the process alive, may traffic come, and what has it done."""

import asyncio
import time
from http import HTTPStatus
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from config import Policies, Settings
from gateway.admin.auth import Access
from gateway.admin.playground.forms import MAX_FIELDS
from gateway.admin.playground.pages import Pages
from gateway.admin.playground.rendering import Renderer
from gateway.admin.playground.routes import add_playground
from gateway.http.byte_budget import ByteBudget
from gateway.http.draining import InFlightRequests
from gateway.restore.compute import Compute
from gateway.storage.upstream import Upstream
from gateway.telemetry import metrics

_PROBE_TTL_S: Final = 5.0


class Readiness:
    """Whether this gateway should get traffic, for load balancers.

    Args:
        upstream: The store.
        in_flight: Whether the gateway ends.
    """

    def __init__(self, upstream: Upstream, in_flight: InFlightRequests) -> None:
        self._upstream = upstream
        self._in_flight = in_flight
        self._asked = -_PROBE_TTL_S
        self._reached = False
        self._asking = asyncio.Lock()

    async def not_ready_reason(self) -> str | None:
        """Give what keeps it from serving; None: nothing does."""
        if self._in_flight.draining:
            return "draining"
        # However often somebody asks, the store is asked rarely.
        if time.monotonic() - self._asked > _PROBE_TTL_S:
            await self._ask()
        return None if self._reached else "the store does not answer: see upstream.endpoint"

    async def _ask(self) -> None:
        async with self._asking:  # once for everybody who waits
            if time.monotonic() - self._asked > _PROBE_TTL_S:
                self._reached = await self._upstream.is_healthy()
                self._asked = time.monotonic()


def create_admin(
    settings: Settings,
    policies: Policies,
    compute: Compute,
    buffers: ByteBudget,
    readiness: Readiness,
) -> web.Application:
    """Put the operators' application together.

    Args:
        settings: With the token that is demanded, if any.
        policies: In force.
        compute: Worker processes and the cache.
        buffers: Bytes held in memory.
        readiness: Of the gateway.
    """
    access = Access(settings.admin)
    admin = web.Application(middlewares=[access.middleware()], client_max_size=MAX_FIELDS)

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        not_ready_reason = await readiness.not_ready_reason()
        if not_ready_reason is None:
            return web.Response(text="ready\n")
        return web.Response(text=f"{not_ready_reason}\n", status=HTTPStatus.SERVICE_UNAVAILABLE)

    async def scrape(_: web.Request) -> web.Response:
        await _set_gauges(compute, buffers)
        body = generate_latest(metrics.REGISTRY)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    admin.router.add_get("/_slimgate/healthz", healthz)
    admin.router.add_get("/_slimgate/readyz", readyz)
    for path in ("/_slimgate/metrics", "/metrics"):
        admin.router.add_get(path, scrape)
    pages = Pages(settings, policies, compute.workers, buffers, Renderer(access))
    add_playground(admin, pages, access)
    return admin


async def _set_gauges(compute: Compute, buffers: ByteBudget) -> None:
    """Set what is looked at rather than counted."""
    metrics.BUFFERED_BYTES.set(buffers.held)
    metrics.CACHE_BYTES.set(compute.cache.held_bytes)
    metrics.WORKER_JOBS.set(compute.workers.jobs)
    metrics.WORKER_JOBS_WAITING.set(compute.workers.waiting)
    metrics.TASKS.set(len(asyncio.all_tasks()))
    fill = await compute.workers.batch_fill()
    if fill is not None:
        metrics.BATCH_FILL.set(fill)
