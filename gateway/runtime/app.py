"""The composition root: what is put together, and which handler serves which operation."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from config import Cache as CacheSettings
from config import Limits as LimitSettings
from config import Policies, Settings
from gateway.cache.memory import Cache, MemoryCache
from gateway.cache.redis import LayeredCache, RedisCache
from gateway.handlers.attributes import GetAttributes
from gateway.handlers.call import Call, Handler
from gateway.handlers.copy import Copy
from gateway.handlers.get import Get
from gateway.handlers.invalidation import Dropping, changed_key, deletes_many
from gateway.handlers.list import ListObjects
from gateway.handlers.multipart import CompleteUpload, CreateUpload
from gateway.handlers.passthrough import PassThrough
from gateway.handlers.post_form import PostObject, is_form
from gateway.handlers.put import Put
from gateway.handlers.replacing import Replacing
from gateway.http.aiohttp_internals import SERVER_SOFTWARE
from gateway.http.authentication import Authenticator
from gateway.http.error_responses import new_request_id, refusal
from gateway.http.limits import Limits
from gateway.http.request_body import BodyLimits, expects_continue
from gateway.http.responses import drop_default_type
from gateway.http.runner import Runner, allow_files
from gateway.http.stall_timer import StallTimer
from gateway.restore.compute import Compute
from gateway.restore.read import Parts as Reads
from gateway.runtime.parts import PARTS, Parts
from gateway.s3 import headers, query
from gateway.s3.deleted_keys import MAX_BYTES
from gateway.s3.errors import S3Error
from gateway.s3.routing import Target, locate, operation
from gateway.storage import cross_origin
from gateway.storage.listing_index import LogicalIndex
from gateway.storage.manifest_seals import Seals
from gateway.storage.object_client import Caller, UpstreamClient
from gateway.storage.storage import Storage
from gateway.storage.stored_object import stored_condition
from gateway.storage.upstream import Upstream
from gateway.telemetry import metrics, tracing
from gateway.telemetry.ledger import Ledger
from gateway.telemetry.telemetry import Telemetry
from gateway.workers.engine_process import TIMEOUT_S
from gateway.workers.pool import Workers
from gateway.workers.startup_checks import required_networks

_log = structlog.get_logger(__name__)

_OTHER_FILES: Final = 512
"""Open files beside connections: pipes of workers, spooled bodies, clients that are sent away."""

_MAX_FIELDS: Final = 256
"""Header fields of a request: 2 KiB of user metadata in short ones, and what clients add."""

_READ_BUFFER: Final = 1 << 15
"""Bytes of a body that wait to be taken. A sixteenth of it is the number of chunks that aiohttp
parses at a time, however small they are. More would not make uploads faster."""

_LAST_WORDS_S: Final = 1.0
"""Time to end for what has not finished while the gateway drained."""

_AUTHENTICATOR = web.AppKey("authenticator", Authenticator)
_HANDLERS = web.AppKey("handlers", Mapping[str, Handler])
_REQUEST_ID = web.RequestKey("request_id", str)
_OPERATION = web.RequestKey("operation", str)


def create_app(
    settings: Settings,
    *,
    upstream: Upstream | None = None,
    cache: Cache | None = None,
    workers: Workers | None = None,
    engine: Path | None = None,
) -> web.Application:
    """Put a gateway together.

    Args:
        settings: The whole configuration.
        upstream: The bucket; made from the settings when omitted, as are the others.
        cache: Where restored files are kept.
        workers: What decodes and restores images.
        engine: Socket of an engine process that others use, too; None: one of its own.

    Returns:
        An application that opens what it needs when it starts and closes it when it ends.
    """
    tracer = tracing.open_tracer(settings.tracing)
    spans = [tracing.traced(tracer, _operation_of)] if tracer else []
    app = web.Application(middlewares=[*spans, _counted])
    # aiohttp would ask for the body of any request before anybody has looked at its signature.
    app.router.add_route("*", "/{anything:.*}", _unrouted, expect_handler=_ask_later)
    app[_AUTHENTICATOR] = Authenticator(settings)
    app[PARTS] = Parts(
        settings=settings,
        policies=Policies(settings.policies),
        storage=Storage(
            upstream=upstream or Upstream(settings.upstream, settings.limits.address_share),
            index=LogicalIndex(settings.limits.list_index_entries),
            seals=Seals(settings.manifests),
        ),
        compute=Compute(
            workers=workers
            or Workers(
                settings.engine,
                required_networks(settings),
                address=engine,
                heartbeat_timeout_s=settings.heartbeat_timeout_s,
            ),
            cache=cache or _cache(settings.cache),
        ),
        limits=Limits.of(settings.limits),
        telemetry=Telemetry(ledger=Ledger(settings.ledger), tracer=tracer),
    )
    app[_HANDLERS] = handlers(app[PARTS])
    metrics.BUILD_INFO.labels(version("slimgate")).set(1)
    app.cleanup_ctx.append(_open_parts)
    app.on_response_prepare.append(_complete_head)
    return app


def handlers(parts: Parts) -> Mapping[str, Handler]:
    """Return what serves each operation; the names are those of :func:`routing.operation`."""
    policies, storage, telemetry = parts.policies, parts.storage, parts.telemetry
    workers, limits = parts.compute.workers, parts.limits
    plain = PassThrough(limits.body_scheduler)
    reads = Reads(parts.compute, limits.buffers, storage.index, storage.seals, storage.completing)
    get = Get(reads, plain)
    replacing = Replacing(storage, workers, limits, telemetry)
    return {
        "CompleteMultipartUpload": CompleteUpload(
            policies, storage, replacing, telemetry.ledger, plain
        ),
        "CopyObject": Copy(storage, reads, plain),
        "CreateMultipartUpload": CreateUpload(policies, storage, plain),
        "GetObject": get,
        "GetObjectAttributes": GetAttributes(storage, plain),
        "HeadObject": get,
        "ListObjects": ListObjects(policies, storage, limits.listing_heads, plain),
        "Other": plain,
        "PostObject": PostObject(plain),
        "PutObject": Put(policies, storage, workers, telemetry, plain),
    }


def make_runner(app: web.Application, settings: Settings) -> Runner:
    """Make the server around the application.

    Bodies are stored as they were sent, compressed or not, and a client that has gone away ends
    the work that was done for it.
    """
    limits = settings.limits
    allow_files(limits.max_connections + settings.upstream.max_connections + _OTHER_FILES)
    return Runner(
        app,
        limits,
        auto_decompress=False,
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=_LAST_WORDS_S,
        max_field_size=limits.max_header_bytes,
        max_line_size=limits.max_header_bytes,
        max_headers=_MAX_FIELDS,
        read_bufsize=_READ_BUFFER,
        # The table of connections looks after these, and after those that aiohttp would not.
        keepalive_timeout=limits.keepalive_timeout_s + _LAST_WORDS_S,
    )


def _cache(settings: CacheSettings) -> Cache:
    memory = MemoryCache(settings.max_bytes, settings.ttl_s)
    if settings.redis.url is None:
        return memory
    return LayeredCache(memory, RedisCache(settings.redis, TIMEOUT_S))


async def _open_parts(app: web.Application) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        parts = app[PARTS]
        if parts.telemetry.tracer is not None:
            stack.push_async_callback(parts.telemetry.tracer.close)
        stack.push_async_callback(parts.compute.cache.close)
        await stack.enter_async_context(parts.storage.upstream)
        await stack.enter_async_context(parts.compute.workers)
        yield


@web.middleware
async def _counted(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Count and time a request; one that its client gave up, or that broke off, has no status.

    Nothing is behind this one: keys may look like anything, and a router would judge them.
    """
    del handler
    started, status, sent = time.monotonic(), "none", 0
    try:
        with metrics.IN_FLIGHT.track_inprogress(), request.app[PARTS].limits.in_flight.track():
            response = await _with_errors_as_s3(request)
            with contextlib.suppress(ConnectionError):  # of a client that is gone, as is noticed
                # The server would do it, but afterwards: this one is in flight until it is sent.
                await response.prepare(request)
                await response.write_eof()
        status = str(response.status)
        # What is whole already is sent by the server, after this.
        sent = response.body_length if response.prepared else response.content_length or 0
        return response
    finally:
        name = _operation_of(request)
        count, seconds, sent_bytes = metrics.request_metrics(name, status)
        sent_bytes.inc(sent)
        count.inc()
        seconds.observe(time.monotonic() - started)


async def _with_errors_as_s3(request: web.Request) -> web.StreamResponse:
    """Render every error as S3 does; whatever is unexpected is logged and tells nothing."""
    request_id = request[_REQUEST_ID] = new_request_id()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    try:
        return await _dispatch(request)
    except S3Error as error:
        failure = error
    except (asyncio.CancelledError, ConnectionResetError):
        raise
    except Exception:  # noqa: BLE001  # whatever it is, the client gets an S3 error
        _log.exception("unexpected error", method=request.method)
        failure = S3Error("InternalError")
    _log.info("refused", code=failure.code, method=request.method, **_cause(failure))
    return _rendered(request, failure, request_id)


def _cause(failure: S3Error) -> dict[str, str]:
    """Say what is behind an error that is not the client's, for the log alone."""
    cause = failure.__cause__
    if cause is None or failure.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return {}
    return {"reason": f"{type(cause).__name__}: {cause}"}


def _rendered(request: web.Request, failure: S3Error, request_id: str) -> web.Response:
    response = refusal(failure, resource=_split(request)[0], request_id=request_id)
    if request.can_read_body:
        # What is still to come of the body must not be taken for the next request.
        response.force_close()
    return response


async def _dispatch(request: web.Request) -> web.StreamResponse:
    """Authenticate a request and hand it to the handler of its operation."""
    parts, call = request.app[PARTS], _arrived(request)
    copies_object = headers.COPY_SOURCE in call.headers
    name = operation(request.method, call.target, call.parameters, copies_object)
    if is_form(call):
        name = "PostObject"
    request[_OPERATION] = name
    handler = request.app[_HANDLERS][name]
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return await handler(call)
    storage = parts.storage
    dropping = Dropping(parts.compute.cache, call.target.bucket, changed_key(call))
    call = replace(
        call,
        translated=await stored_condition(
            call.client, call.target, call.headers, storage.seals, storage.index
        ),
        accepted=dropping.once,
    )
    with contextlib.closing(call.upload):
        await call.upload.settle()
        if deletes_many(call):
            dropping.follow(call.upload.copy(call.upload_quota, MAX_BYTES))
        return await dropping.after(handler(call))


def _arrived(request: web.Request) -> Call:
    """Find out who asks, about what, and with which headers.

    A preflight (OPTIONS) is never verified: browsers send it without a signature, but to the very
    URL that they are going to use, which may be presigned for another method.

    Raises:
        S3Error: As :func:`locate`, :meth:`Authenticator.authenticate`, :func:`query.read` and
            :func:`query.merged`.
    """
    raw_path, raw_query = _split(request)
    parts = request.app[PARTS]
    _check_head(request, parts.limits.settings)
    target = _located(request)  # first, so that nothing else sees what is no bucket
    preflight = request.method == "OPTIONS"
    verified, identity = (
        (None, None)
        if preflight
        else request.app[_AUTHENTICATOR].authenticate(request, raw_path, raw_query)
    )
    asked = query.read(raw_query)
    merged = query.merged(request.headers, () if preflight else asked.headers)
    limits = parts.limits
    address = limits.address_of(request)
    stall_timer = StallTimer(limits.settings.min_client_rate)
    caller = Caller(identity, address, stall_timer, headers.caller_headers(merged, {}))
    return Call(
        request=request,
        request_id=request[_REQUEST_ID],
        target=target,
        headers=merged,
        query=asked,
        verified=verified,
        identity=identity,
        client=UpstreamClient(parts.storage.upstream, caller),
        stall_timer=stall_timer,
        body_limits=BodyLimits(limits.settings, limits.spool, stall_timer),
        upload_quota=limits.quota_of(address),
    )


def _located(request: web.Request) -> Target:
    """Make out what a request is about.

    Raises:
        S3Error: It does not name a bucket and a key as S3 does.
    """
    domains = request.app[PARTS].settings.domains
    return locate(_split(request)[0], request.headers.get("Host", ""), domains)


def _target(request: web.Request) -> Target | None:
    try:
        return _located(request)
    except S3Error:
        return None


def _check_head(request: web.Request, limits: LimitSettings) -> None:
    """Refuse a head that is too large as a whole, though each of its fields is not."""
    fields = sum(len(name) + len(value) + 4 for name, value in request.raw_headers)
    if len(request.raw_path) + fields > max(limits.max_head_bytes, limits.max_header_bytes):
        metrics.LIMITED.labels("head").inc()
        raise S3Error("RequestHeaderSectionTooLarge")


def _operation_of(request: web.Request) -> str:
    name: str = request.get(_OPERATION, "Refused")
    return name


async def _unrouted(_: web.Request) -> web.StreamResponse:
    raise S3Error("InternalError")


async def _ask_later(_: web.Request) -> None:
    """Leave ``Expect: 100-continue`` to who reads the body."""


async def _complete_head(request: web.Request, response: web.StreamResponse) -> None:
    """Do to the head of every answer what its handler need not know."""
    _part_early(request, response)
    if headers.wants_stored(request.headers):
        headers.forbid_caching(response.headers)
    storage = request.app[PARTS].storage
    target = _target(request) if "Origin" in request.headers else None
    await cross_origin.complete(request, response, target, storage.allowances, storage.upstream)
    drop_default_type(response)
    _name_the_server(response)
    _part_when_draining(request, response)


def _name_the_server(response: web.StreamResponse) -> None:
    """Name the gateway where the upstream names nobody; versions are nobody's business."""
    if response.headers.get("Server", SERVER_SOFTWARE) == SERVER_SOFTWARE:
        response.headers["Server"] = "slimgate"


def _part_when_draining(request: web.Request, response: web.StreamResponse) -> None:
    """Let no connection bring another request to a gateway that ends: clients open a new one."""
    if request.app[PARTS].limits.in_flight.draining:
        response.force_close()
        response.headers["Connection"] = "close"


def _part_early(request: web.Request, response: web.StreamResponse) -> None:
    """Close the connection of a client that has not sent all of its body by now.

    What it still sends is not worth being parsed only to find the next request. If it waits to be
    asked for its body, it may send that all the same, or the next request in its place, and nobody
    could tell which (RFC 9110, section 10.1.1). botocore misreads the second such answer on a
    connection.
    """
    if expects_continue(request) or not request.content.is_eof():
        response.force_close()
        response.headers["Connection"] = "close"


def _split(request: web.Request) -> tuple[str, str]:
    """Give path and query exactly as sent; both are signed."""
    path, _, query = request.raw_path.partition("?")
    if path.startswith(("http://", "https://")):
        # RFC 9112 section 3.2.2: a server has to accept the absolute form, too.
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path, query
