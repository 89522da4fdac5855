"""Serve renditions to clients that name their media type."""

import hashlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final, Protocol

import structlog
from aiohttp import web
from cachetools import TTLCache

from slimgate.config import Policies
from slimgate.config.serve import Serve
from slimgate.gateway.handlers.call import Call
from slimgate.gateway.handlers.passthrough import PassThrough
from slimgate.gateway.http import responses
from slimgate.gateway.optimize.screening import policy_for
from slimgate.gateway.restore.read import Rendition
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.telemetry import metrics

_log = structlog.get_logger(__name__)

_NOTHING: Final = Serve()
_REMEMBERED: Final = 4096
_REMEMBERED_S: Final = 60.0

_Stored = tuple[str, str, str, str]
"""Bucket, key, stored ETag and recorded digest of a rendition."""


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def serving(policies: Policies, target: Target) -> Serve:
    """Return which renditions the policy of an object serves; cheap if no policy does."""
    policy = policy_for(policies, target) if policies.negotiate else None
    return _NOTHING if policy is None else policy.serve


class Renditions:
    """Streams renditions; a whole one is verified, unless that was done a moment ago.

    Args:
        plain: Streams bodies of the store.
    """

    def __init__(self, plain: PassThrough) -> None:
        self._plain = plain
        # Hashing takes as long as all the rest. What the store returned right under the same ETag
        # is trusted for a while, as plain objects always are.
        self._right: TTLCache[_Stored, bool] = TTLCache(_REMEMBERED, _REMEMBERED_S)

    async def stream(self, call: Call, served: Rendition) -> web.StreamResponse:
        """Stream a rendition to the client.

        Args:
            call: Request of the client.
            served: The response, with an unread body.

        Raises:
            S3Error: InternalError if the rendition is damaged; the connection is aborted.
        """
        whole = served.status == HTTPStatus.OK
        answer = call.begin(served.status, served.headers)
        await answer.prepare(call.request)
        metrics.NEGOTIATED_REQUESTS.labels(served.manifest.stored.codec).inc()
        stored = _stored(call, served)
        digest = hashlib.sha256() if whole and stored not in self._right else None
        await self._send(call, served, answer, digest)
        if digest is not None:
            self._right[stored] = True
        if whole:
            metrics.NEGOTIATED_BYTES_SPARED.inc(max(0, served.manifest.size - served.length))
        return answer

    async def _send(
        self, call: Call, served: Rendition, answer: web.StreamResponse, digest: _Hash | None
    ) -> None:
        at_hand = served.response.at_hand()
        if at_hand is not None:
            if digest is not None:
                digest.update(at_hand)
                _check(call, served, digest)
            await answer.write_eof(at_hand)
            return
        pieces = self._plain.pieces(call, served.response)
        if digest is not None:
            pieces = _verified(call, served, pieces, digest)
        async for piece in pieces:
            with call.stall_timer.writing(call.request.transport):
                await answer.write(piece)
        await answer.write_eof()


def _stored(call: Call, served: Rendition) -> _Stored:
    etag = headers.bare_etag(served.response.headers)
    return call.target.bucket, call.target.key, etag, served.manifest.view or ""


async def _verified(
    call: Call, served: Rendition, pieces: AsyncIterator[bytes], digest: _Hash
) -> AsyncIterator[bytes]:
    """Yield pieces; the last one only if all of them have the recorded digest."""
    held = b""
    async for piece in pieces:
        if held:
            yield held
        digest.update(piece)
        held = piece
    _check(call, served, digest)
    yield held


def _check(call: Call, served: Rendition, digest: _Hash) -> None:
    """Abort the connection unless a rendition has its digest.

    Raises:
        S3Error: InternalError; the status line may have been sent, so only a reset connection
            signals the damage.
    """
    if digest.hexdigest()[:32] != served.manifest.view:
        responses.abort(call.request)
        metrics.RESTORES.labels("failed").inc()
        _log.error("rendition damaged", bucket=call.target.bucket, key=call.target.key)
        raise S3Error("InternalError", "The stored rendition of this object is damaged.")
