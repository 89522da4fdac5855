"""PutObject: an eligible image becomes a rendition, everything else is stored as it is."""

from dataclasses import replace
from http import HTTPStatus
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from codec.containers import sniff
from codec.optimize import Optimized
from codec.reasons import Reason, Refused
from config import Policy
from gateway.exchange import Exchange
from gateway.optimize.pipeline import SNIFFED, optimize, policy_for, refusal, stays, stored_request
from gateway.relay import respond, sent, whole
from gateway.s3 import headers
from gateway.s3.listing_xml import View
from gateway.storage.listing_index import Sighting
from gateway.storage.messages import Response
from gateway.storage.object_lock import locks_by_default
from gateway.storage.originals import keep
from gateway.workers.pool import Busy

_PLAIN_PARAMETERS: Final = frozenset({"x-id"})
"""Parameters that leave an upload what it is. Ceph takes ``append`` and ``position``, for one."""


async def put(exchange: Exchange) -> web.StreamResponse:
    """Serve PutObject."""
    policy = policy_for(exchange)
    if policy is None:
        return await _stream(exchange)
    if (why := refusal(exchange) or await _refusal(exchange, policy)) is not None:
        return await _stream_refused(exchange, policy, why)
    buffers = exchange.upload_room
    data = await exchange.upload.read(buffers)
    if data is None:
        # Rather the whole upload than none: it can be optimized at any later time.
        return await _stream_refused(exchange, policy, Refused(Reason.BUFFERS))
    try:
        return await _put_image(exchange, policy, data)
    finally:
        buffers.release(len(data))


async def _refusal(exchange: Exchange, policy: Policy) -> Refused | None:
    """Return why an upload need not be read to know that it stays as it is."""
    if not exchange.parameters.keys() <= _PLAIN_PARAMETERS:
        return Refused(Reason.QUERY)
    if not 0 < (exchange.upload.length or 0) <= policy.limits.max_bytes:
        return Refused(Reason.SIZE)
    if sniff((await exchange.upload.peek(SNIFFED))[:SNIFFED]) not in policy.types:
        return Refused(Reason.TYPE)
    if await locks_by_default(
        exchange.store, exchange.target.bucket, exchange.storage.locked_buckets
    ):
        return Refused(Reason.LOCKED)
    return None


async def _stream_refused(exchange: Exchange, policy: Policy, why: Refused) -> web.StreamResponse:
    """Store an upload as it came, and say why; of an unsigned one once the store has taken it."""
    if exchange.identity is not None:
        stays(exchange, policy, why)
        return await _stream(exchange)
    answer = await _stream(exchange)
    if answer.status == HTTPStatus.OK:
        stays(exchange, policy, why)
    return answer


async def _put_image(exchange: Exchange, policy: Policy, data: bytes) -> web.StreamResponse:
    try:
        optimized = await optimize(exchange, policy, data, exchange.headers)
        request = await stored_request(exchange.forwarded(), optimized, exchange.storage.seals)
        if policy.mode == "optimize":
            await keep(exchange.store, policy.originals, request, optimized.manifest, data)
    except (Refused, Busy) as reason:
        stays(exchange, policy, reason)
        return await _store_plain(exchange, data)
    if policy.mode == "shadow":
        return await _store_plain(exchange, data)
    async with sent(exchange, request) as response:
        if response.status != HTTPStatus.BAD_REQUEST:
            return await _answer_managed(exchange, optimized, response)
    # A bucket may demand what only the original upload has, such as a checksum for its lock.
    stays(exchange, policy, Refused(Reason.REFUSED))
    return await _store_plain(exchange, data)


async def _answer_managed(
    exchange: Exchange, optimized: Optimized, response: Response
) -> web.StreamResponse:
    if response.status != HTTPStatus.OK:
        return await respond(exchange, response)
    manifest, target = optimized.manifest, exchange.target
    exchange.telemetry.buckets.note(target.bucket, manifest.size, len(optimized.rendition))
    view = View(manifest.size, manifest.etag)
    seen = Sighting.of_write(response.headers, headers.bare_etag(response.headers))
    exchange.storage.index.put(target.bucket, target.key, seen, view)
    shown = headers.client_metadata(response.headers.items())
    shown["ETag"] = f'"{manifest.md5}"'
    shown.update(exchange.upload.digests.echo())
    shown["x-slimgate-tier"] = manifest.stored.tier
    return whole(exchange, shown)


async def _stream(exchange: Exchange) -> web.StreamResponse:
    async with sent(exchange, exchange.forwarded()) as response:
        return await _answer_plain(exchange, response)


async def _store_plain(exchange: Exchange, data: bytes) -> web.StreamResponse:
    request = replace(exchange.forwarded(), body=data, length=len(data))
    # By now a checksum from the trailer is known and verified; upstreams take it as a header.
    verified: CIMultiDict[str] = CIMultiDict(exchange.upload.digests.echo())
    verified.popall("x-amz-checksum-type", None)
    verified.update(request.headers)
    async with sent(exchange, replace(request, headers=verified)) as response:
        return await _answer_plain(exchange, response)


async def _answer_plain(exchange: Exchange, response: Response) -> web.StreamResponse:
    if response.status != HTTPStatus.OK:
        return await respond(exchange, response)
    target = exchange.target
    seen = Sighting.of_write(response.headers, headers.bare_etag(response.headers))
    exchange.storage.index.put(target.bucket, target.key, seen, None)
    return await respond(exchange, response, extra=exchange.upload.digests.echo())
