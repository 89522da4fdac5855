"""Authenticate a request, and find its target."""

from itertools import chain

from aiohttp import web

from slimgate.config import Limits as LimitSettings
from slimgate.gateway.handlers.call import Call
from slimgate.gateway.http.authentication import Authenticator
from slimgate.gateway.http.client_limits import RequestHold
from slimgate.gateway.http.request_body import BodyLimits
from slimgate.gateway.http.stall_timer import StallTimer
from slimgate.gateway.runtime.parts import PARTS, Parts
from slimgate.gateway.s3 import headers, query
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import CredentialSource
from slimgate.gateway.s3.routing import Target, locate
from slimgate.gateway.s3.sigv4 import Verified
from slimgate.gateway.storage.credentials.callers import Callers
from slimgate.gateway.storage.object_client import Caller, UpstreamClient
from slimgate.gateway.telemetry import metrics

AUTHENTICATOR = web.AppKey("authenticator", Authenticator)

_TARGET = web.RequestKey("target", Target)
_HOLD = web.RequestKey("hold", RequestHold)


def call_of(request: web.Request, request_id: str) -> Call:
    """Return an authenticated request.

    Preflights (OPTIONS) are not verified: browsers send them unsigned to the URL of the later
    request, which may be presigned for another method.

    Raises:
        S3Error: As :func:`locate`, :meth:`Authenticator.authenticate`, :func:`query.check_count`,
            :func:`query.read` and :func:`query.merged`.
    """
    raw_path, raw_query = split_url(request)
    parts = request.app[PARTS]
    _check_head(request, parts.limits.settings)
    query.check_count(raw_query)
    # First: nothing else sees an invalid bucket name.
    target = request[_TARGET] = _located(request, parts, raw_path)
    limits = parts.limits
    address, hold = limits.address_of(request), hold_of(request)
    hold.begin(limits.per_address, address)  # before a signature costs anything
    preflight = request.method == "OPTIONS"
    verified = None
    if not preflight:
        verified = request.app[AUTHENTICATOR].authenticate(request, raw_path, raw_query)
        hold.begin(limits.per_identity, verified.access_key if verified else None)
    source = _source(parts.callers, verified)
    asked = query.read(raw_query)
    merged = query.merged(request.headers, () if preflight else asked.headers)
    stall_timer = StallTimer(limits.settings.min_client_rate)
    caller = Caller(source, address, stall_timer, headers.caller_headers(merged))
    return Call(
        request=request,
        request_id=request_id,
        target=target,
        headers=merged,
        query=asked,
        verified=verified,
        source=source,
        client=UpstreamClient(parts.storage.upstream, caller),
        stall_timer=stall_timer,
        body_limits=BodyLimits(
            limits.settings, hold.limiting(limits.spool), stall_timer, limits.body_scheduler
        ),
        address=address,
        upload_quota=hold.limiting(limits.quota_of(address)),
        hold=hold,
    )


def hold_of(request: web.Request) -> RequestHold:
    """Return what a request holds of its clients' limits; its end releases that."""
    hold = request.get(_HOLD)
    if hold is None:
        hold = request[_HOLD] = RequestHold()
    return hold


def _source(callers: Callers, verified: Verified | None) -> CredentialSource | None:
    """Return the credentials for the store; None: the request is anonymous."""
    if verified is None:
        return None
    source = callers.caller(verified.access_key)
    if source is None:
        raise S3Error("InvalidAccessKeyId")  # removed from the credentials file this moment
    return source


def located(request: web.Request) -> Target:
    """Return bucket and key of a request.

    Raises:
        S3Error: They are invalid.
    """
    target = request.get(_TARGET)
    if target is None:
        target = request[_TARGET] = _located(request, request.app[PARTS], split_url(request)[0])
    return target


def _located(request: web.Request, parts: Parts, raw_path: str) -> Target:
    return locate(raw_path, request.headers.get("Host", ""), parts.settings.domains)


def _check_head(request: web.Request, limits: LimitSettings) -> None:
    """Refuse a request head that is too large in total, or that has proxies drop headers."""
    raw = request.raw_headers
    fields = sum(map(len, chain.from_iterable(raw))) + 4 * len(raw)
    if len(request.raw_path) + fields > max(limits.max_head_bytes, limits.max_header_bytes):
        metrics.LIMITED.labels("head").inc()
        raise S3Error("RequestHeaderSectionTooLarge")
    headers.check_connection(request.headers)


def split_url(request: web.Request) -> tuple[str, str]:
    """Return path and query exactly as sent; both are signed."""
    path, _, query = request.raw_path.partition("?")
    if path[:8].lower().startswith(("http://", "https://")):
        # RFC 9112 section 3.2.2: servers must also accept the absolute form; schemes have no case.
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path, query
