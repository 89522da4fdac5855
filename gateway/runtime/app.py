"""The composition root: build a gateway, and map operations to handlers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Final

from aiohttp import web

from slimgate.config import Policies, Settings
from slimgate.gateway.cache.memory import Cache
from slimgate.gateway.deferred.opening import configured_queue
from slimgate.gateway.handlers.attributes import GetAttributes
from slimgate.gateway.handlers.call import Handler
from slimgate.gateway.handlers.copy import Copy
from slimgate.gateway.handlers.deferring import Deferral
from slimgate.gateway.handlers.form_upload import FormUpload
from slimgate.gateway.handlers.get import Get
from slimgate.gateway.handlers.list import ListObjects
from slimgate.gateway.handlers.listed_views import ListedViews
from slimgate.gateway.handlers.multipart import CompleteUpload, CreateUpload
from slimgate.gateway.handlers.passthrough import PassThrough
from slimgate.gateway.handlers.plain_copy import PlainCopy
from slimgate.gateway.handlers.post_form import PostObject
from slimgate.gateway.handlers.put import Put
from slimgate.gateway.handlers.replacing import RenditionReplacement
from slimgate.gateway.http.aiohttp_internals import lead_all
from slimgate.gateway.http.authentication import Authenticator
from slimgate.gateway.http.limits import Limits
from slimgate.gateway.http.runner import Runner, allow_files
from slimgate.gateway.restore.compute import Compute
from slimgate.gateway.restore.read import Reads
from slimgate.gateway.runtime.authenticated_call import AUTHENTICATOR
from slimgate.gateway.runtime.caches import configured_cache, configured_notices, configured_peers
from slimgate.gateway.runtime.deferring import background
from slimgate.gateway.runtime.dispatch import HANDLERS, counted, operation_of
from slimgate.gateway.runtime.parts import PARTS, Parts
from slimgate.gateway.runtime.response_heads import complete_head
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.authorizations import Authorizations
from slimgate.gateway.storage.credentials.callers import Callers
from slimgate.gateway.storage.index.buffered import BufferedIndex
from slimgate.gateway.storage.index.opening import configured_index
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.originals import Archive
from slimgate.gateway.storage.storage import Storage
from slimgate.gateway.storage.upstream import Upstream
from slimgate.gateway.telemetry import metrics, tracing
from slimgate.gateway.telemetry.counting_ledger import CountingLedger
from slimgate.gateway.telemetry.savings_history import SavingsHistory
from slimgate.gateway.telemetry.telemetry import Telemetry
from slimgate.gateway.workers.client_jobs import ClientJobs
from slimgate.gateway.workers.pool import Workers
from slimgate.gateway.workers.startup_checks import required_networks

_OTHER_FILES: Final = 512
"""Open files in addition to connections: worker pipes, spooled bodies, refused clients."""

_MAX_FIELDS: Final = 256
"""Most header fields: 2 KiB of user metadata in short ones, and those that clients add."""

_READ_BUFFER: Final = 1 << 15
"""Most buffered bytes of a body.

aiohttp parses a sixteenth as many chunks at a time, however small they are. A larger buffer does
not speed up uploads.
"""

_ABORT_TIMEOUT_S: Final = 1.0
"""Time for requests to end after draining, seconds."""


def create_app(
    settings: Settings,
    *,
    upstream: Upstream | None = None,
    cache: Cache | None = None,
    workers: Workers | None = None,
    engine: Path | None = None,
) -> web.Application:
    """Build a gateway.

    Args:
        settings: The whole configuration.
        upstream: The store; like all others, created from the settings if omitted.
        cache: Cache of restored files.
        workers: Decode and restore images.
        engine: Socket of a shared engine process; None: start one.

    Raises:
        ConfigError: The credentials file is invalid.

    Returns:
        An application that opens its resources on startup and closes them on shutdown.
    """
    tracer = tracing.open_tracer(settings.tracing)
    spans = [tracing.traced(tracer, operation_of)] if tracer else []
    app = web.Application(middlewares=[*spans, counted])
    # aiohttp would send 100 Continue before the signature is verified.
    lead_all(app, _unrouted, _defer_continue)
    policies = Policies(settings.policies)
    callers = Callers(settings, policies, serves=True)
    app[AUTHENTICATOR] = Authenticator(callers.clients.keys, settings.domains)
    index = BufferedIndex(configured_index(settings), policies.names)
    authorizations = Authorizations(settings.cache.authorization_ttl_s)
    history = SavingsHistory(settings.admin.history)
    ledger, queue = CountingLedger(settings.ledger, history), configured_queue(settings)
    app[PARTS] = Parts(
        settings=settings,
        policies=policies,
        storage=Storage(
            upstream=upstream or Upstream(settings.upstream, settings.limits.address_share),
            index=index,
            seals=Seals(settings.manifests),
            archive=Archive(callers.own),
            authorizations=authorizations,
        ),
        compute=Compute(
            workers=workers or _workers(settings, engine),
            cache=configured_cache(settings.cache, authorizations, cache),
        ),
        limits=Limits.of(settings.limits),
        telemetry=Telemetry(ledger=ledger, history=history, tracer=tracer),
        callers=callers,
        queue=queue,
        deferral=Deferral(queue, ledger),
        peers=configured_peers(settings, policies),
        notices=configured_notices(settings.cache, authorizations),
    )
    app[HANDLERS] = handlers(app[PARTS])
    metrics.BUILD_INFO.labels(version("slimgate")).set(1)
    app.cleanup_ctx.append(_open_parts)
    app.on_response_prepare.append(complete_head)
    return app


def handlers(parts: Parts) -> Mapping[str, Handler]:
    """Return the handler of each operation, by the names of :func:`routing.operation`."""
    policies, storage, telemetry = parts.policies, parts.storage, parts.telemetry
    workers, limits = parts.compute.workers, parts.limits
    plain = PassThrough(limits.body_scheduler)
    reads = Reads(
        parts.compute,
        limits.buffers,
        storage.index,
        storage.seals,
        storage.completing,
        storage.authorizations,
    )
    get = Get(reads, plain, policies)
    replacing = RenditionReplacement(storage, workers, limits, telemetry)
    deferral = parts.deferral
    forms = FormUpload(policies, storage, workers, telemetry, deferral, parts.compute.cache)
    reading = parts.settings.index.access_key
    reader = None if reading is None else parts.callers.own(reading)
    listed = ListedViews(policies, storage, limits.listing_heads, reader)
    writing = (policies, storage, replacing, telemetry.ledger, deferral, plain)
    return {
        "CompleteMultipartUpload": CompleteUpload(*writing),
        "CopyObject": Copy(storage, reads, PlainCopy(*writing), plain),
        "CreateMultipartUpload": CreateUpload(policies, storage, plain),
        "GetObject": get,
        "GetObjectAttributes": GetAttributes(storage, plain),
        "HeadObject": get,
        "ListObjects": ListObjects(listed, plain),
        "Other": plain,
        "PostObject": PostObject(policies, telemetry.ledger, forms, parts.callers.signer, plain),
        "PutObject": Put(policies, storage, workers, telemetry, deferral, plain),
    }


def make_runner(app: web.Application, settings: Settings) -> Runner:
    """Return the server of the application.

    Bodies are stored as sent, compressed or not, and a client that disconnects cancels its request.
    """
    limits = settings.limits
    allow_files(limits.max_connections + settings.upstream.max_connections + _OTHER_FILES)
    return Runner(
        app,
        limits,
        app[PARTS].limits.addresses,
        auto_decompress=False,
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=_ABORT_TIMEOUT_S,
        max_field_size=limits.max_header_bytes,
        max_line_size=limits.max_header_bytes,
        max_headers=_MAX_FIELDS,
        read_bufsize=_READ_BUFFER,
        # Connections enforces timeouts, including those that aiohttp lacks.
        keepalive_timeout=limits.keepalive_timeout_s + _ABORT_TIMEOUT_S,
    )


def _workers(settings: Settings, engine: Path | None) -> Workers:
    return Workers(
        settings.engine,
        required_networks(settings),
        address=engine,
        heartbeat_timeout_s=settings.heartbeat_timeout_s,
        jobs=ClientJobs(settings.limits.per_address.jobs, settings.limits.per_identity.jobs),
    )


async def _open_parts(app: web.Application) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        parts = app[PARTS]
        if parts.telemetry.tracer is not None:
            stack.push_async_callback(parts.telemetry.tracer.close)
        await stack.enter_async_context(parts.telemetry.history.writing())
        stack.push_async_callback(parts.compute.cache.close)
        stack.push_async_callback(parts.storage.index.close)
        await parts.storage.index.open()
        await stack.enter_async_context(parts.storage.upstream)
        await stack.enter_async_context(parts.callers)
        await stack.enter_async_context(parts.compute.workers)
        stack.push_async_callback(parts.queue.close)
        await stack.enter_async_context(background(parts))
        stack.push_async_callback(parts.deferral.close)
        if parts.peers is not None:
            await stack.enter_async_context(parts.peers)
        if parts.notices is not None:
            await stack.enter_async_context(parts.notices)
        yield


async def _unrouted(_: web.BaseRequest) -> web.StreamResponse:
    raise S3Error("InternalError")


async def _defer_continue(_: web.Request) -> None:
    """Leave ``Expect: 100-continue`` to the reader of the body."""
