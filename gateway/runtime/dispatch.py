"""Dispatch requests to handlers, and render errors as S3 does."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from http import HTTPStatus

import structlog
from aiohttp import web

from slimgate.gateway.handlers import anonymous
from slimgate.gateway.handlers.cache_invalidation import (
    CacheInvalidation,
    changed_key,
    deletes_many,
)
from slimgate.gateway.handlers.call import Handler
from slimgate.gateway.handlers.deleting import for_deleted_keys
from slimgate.gateway.handlers.post_form import is_form
from slimgate.gateway.http.error_responses import new_request_id, refusal
from slimgate.gateway.runtime.authenticated_call import call_of, hold_of, split_url
from slimgate.gateway.runtime.parts import PARTS
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.deleted_keys import MAX_BYTES
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import operation
from slimgate.gateway.storage.stored_object import stored_condition
from slimgate.gateway.telemetry import metrics
from slimgate.gateway.workers.fair_shares import CLIENT, Client

_log = structlog.get_logger(__name__)

HANDLERS = web.AppKey("handlers", Mapping[str, Handler])

_REQUEST_ID = web.RequestKey("request_id", str)
_OPERATION = web.RequestKey("operation", str)


@web.middleware
async def counted(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Count and time a request; an aborted one has no status.

    It bypasses the router, which would reject some keys.
    """
    del handler
    started, status, sent = time.monotonic(), "none", 0
    metrics.IN_FLIGHT.inc()
    try:
        with request.app[PARTS].limits.in_flight.track():
            response = await _with_errors_as_s3(request)
            with contextlib.suppress(ConnectionError):  # the client has disconnected
                # The server would do this later, but the request is in flight until it is sent.
                await response.prepare(request)
                await response.write_eof()
        status = str(response.status)
        # The server sends complete responses after this.
        sent = response.body_length if response.prepared else response.content_length or 0
        return response
    finally:
        metrics.IN_FLIGHT.dec()
        hold_of(request).end()
        name = operation_of(request)
        count, seconds, sent_bytes = metrics.request_metrics(name, status)
        sent_bytes.inc(sent)
        count.inc()
        seconds.observe(time.monotonic() - started)


def operation_of(request: web.Request) -> str:
    """Return the operation of a request; ``Refused`` while it is unknown."""
    name: str = request.get(_OPERATION, "Refused")
    return name


async def _with_errors_as_s3(request: web.Request) -> web.StreamResponse:
    """Render every error as S3 does; unexpected ones are logged, without details for the client."""
    request_id = request[_REQUEST_ID] = new_request_id()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    try:
        return await _dispatch(request)
    except S3Error as error:
        failure = error
    except (asyncio.CancelledError, ConnectionResetError):
        raise
    except Exception:  # noqa: BLE001  # the client gets an S3 error
        _log.exception("unexpected error", method=request.method)
        failure = S3Error("InternalError")
    try:
        _log.info("refused", code=failure.code, method=request.method, **_cause(failure))
        return _rendered(request, failure, request_id)
    finally:
        # Its traceback refers to this frame: the two would keep uploads until a collection.
        del failure


def _cause(failure: S3Error) -> dict[str, str]:
    """Return the cause of a server error, for the log only."""
    cause = failure.__cause__
    if cause is None or failure.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return {}
    return {"reason": f"{type(cause).__name__}: {cause}"}


def _rendered(request: web.Request, failure: S3Error, request_id: str) -> web.Response:
    response = refusal(failure, resource=split_url(request)[0], request_id=request_id)
    if request.can_read_body:
        # The rest of the body must not be taken for the next request.
        response.force_close()
    return response


async def _dispatch(request: web.Request) -> web.StreamResponse:
    """Authenticate a request and call the handler of its operation."""
    parts, call = request.app[PARTS], call_of(request, request[_REQUEST_ID])
    CLIENT.set(Client(call.verified.access_key if call.verified else "", call.address or ""))
    copies_object = headers.COPY_SOURCE in call.headers
    name = operation(request.method, call.target, call.parameters, copies_object)
    if is_form(call):
        name = "PostObject"
    else:
        anonymous.check_call(parts.policies, call)
    request[_OPERATION] = name
    handler = request.app[HANDLERS][name]
    if call.source is not None:
        # Without credentials for the store, all work on the request would be in vain.
        query = call.query.text if request.method == "GET" else ""
        await call.source.for_request(call.target, query).current()
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return await handler(call)
    storage = parts.storage
    invalidation = CacheInvalidation(
        parts.compute.cache,
        call.target.bucket,
        changed_key(call),
        whole=not call.target.key,
    )
    call = replace(
        call,
        translated=await stored_condition(
            call.client, call.target, call.headers, storage.seals, storage.index
        ),
        accepted=invalidation.once,
    )
    with contextlib.closing(call.upload):
        await call.upload.settle()
        if deletes_many(call):
            call = await for_deleted_keys(call)
            invalidation.follow(call.upload.copy(call.upload_quota, MAX_BYTES))
        return await invalidation.after(handler(call))
