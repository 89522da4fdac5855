"""Serve renditions to clients that name their media type."""

import hashlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from slimgate.config import Policies
from slimgate.config.serve import Serve
from slimgate.gateway.handlers.call import Call
from slimgate.gateway.handlers.passthrough import PassThrough
from slimgate.gateway.http import responses
from slimgate.gateway.optimize.screening import policy_for
from slimgate.gateway.restore.read import Rendition
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.telemetry import metrics

_log = structlog.get_logger(__name__)

_NOTHING: Final = Serve()


def serving(policies: Policies, target: Target) -> Serve:
    """Return which renditions the policy of an object serves; cheap if no policy does."""
    policy = policy_for(policies, target) if policies.negotiate else None
    return _NOTHING if policy is None else policy.serve


async def stream(call: Call, served: Rendition, plain: PassThrough) -> web.StreamResponse:
    """Stream a rendition to the client; it is verified if whole.

    Args:
        call: Request of the client.
        served: The response, with an unread body.
        plain: Streams bodies of the store.

    Raises:
        S3Error: InternalError if the rendition is damaged; the connection is aborted.
    """
    codec = served.manifest.stored.codec
    answer = call.begin(served.status, served.headers)
    await answer.prepare(call.request)
    metrics.NEGOTIATED_REQUESTS.labels(codec).inc()
    at_hand = served.response.at_hand()
    if at_hand is None:
        await _stream(call, served, plain, answer)
    else:
        if served.status == HTTPStatus.OK:
            _check(call, served, hashlib.sha256(at_hand).hexdigest())
        await answer.write_eof(at_hand)
    if served.status == HTTPStatus.OK:
        metrics.NEGOTIATED_BYTES_SPARED.inc(max(0, served.manifest.size - served.length))
    return answer


async def _stream(
    call: Call, served: Rendition, plain: PassThrough, answer: web.StreamResponse
) -> None:
    pieces = plain.pieces(call, served.response)
    if served.status == HTTPStatus.OK:
        pieces = _verified(call, served, pieces)
    async for piece in pieces:
        with call.stall_timer.writing(call.request.transport):
            await answer.write(piece)
    await answer.write_eof()


async def _verified(
    call: Call, served: Rendition, pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """Yield pieces; the last one only if all of them have the recorded digest."""
    digest, held = hashlib.sha256(), b""
    async for piece in pieces:
        if held:
            yield held
        digest.update(piece)
        held = piece
    _check(call, served, digest.hexdigest())
    yield held


def _check(call: Call, served: Rendition, digest: str) -> None:
    """Abort the connection unless a rendition has its digest.

    Raises:
        S3Error: InternalError; the status line may have been sent, so only a reset connection
            signals the damage.
    """
    if digest[:32] != served.manifest.view:
        responses.abort(call.request)
        metrics.RESTORES.labels("failed").inc()
        _log.error("rendition damaged", bucket=call.target.bucket, key=call.target.key)
        raise S3Error("InternalError", "The stored rendition of this object is damaged.")
