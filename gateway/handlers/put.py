"""PutObject: an eligible image becomes a rendition, everything else is stored as it is."""

from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from codec.containers import sniff
from codec.optimize import Optimized, Refused
from config import Policy
from gateway.exchange import Exchange
from gateway.optimize.pipeline import (
    SNIFFED,
    note_plain,
    optimize,
    policy_for,
    stays,
    stored_request,
)
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
    if policy is None or not await _is_candidate(exchange, policy):
        return await _stream(exchange)
    buffers = exchange.upload_room
    data = await exchange.upload.read(buffers)
    if data is None:
        # Rather the whole upload than none: it can be optimized at any later time.
        stays(exchange, policy, "too many uploads at once")
        return await _stream(exchange)
    try:
        return await _put_image(exchange, policy, data)
    finally:
        buffers.release(len(data))


async def _is_candidate(exchange: Exchange, policy: Policy) -> bool:
    if not exchange.parameters.keys() <= _PLAIN_PARAMETERS:
        stays(exchange, policy, "the query asks for more than to store it")
        return False
    length = exchange.upload.length or 0
    if not 0 < length <= policy.limits.max_bytes:
        note_plain(exchange, policy, "empty, or larger than the policy allows")
        return False
    if sniff((await exchange.upload.peek(SNIFFED))[:SNIFFED]) not in policy.types:
        note_plain(exchange, policy, "not an image of a type that the policy names")
        return False
    if await locks_by_default(exchange):
        stays(exchange, policy, "the bucket locks what it gets")
        return False
    return True


async def _put_image(exchange: Exchange, policy: Policy, data: bytes) -> web.StreamResponse:
    try:
        optimized = await optimize(exchange, policy, data, exchange.headers)
        request = await stored_request(exchange.forwarded(), optimized, exchange.storage.seals)
        if policy.mode == "optimize":
            await keep(partial(sent, exchange), policy.originals, request, optimized.manifest, data)
    except (Refused, Busy) as reason:
        stays(exchange, policy, str(reason))
        return await _store_plain(exchange, data)
    if policy.mode == "shadow":
        return await _store_plain(exchange, data)
    async with sent(exchange, request) as response:
        if response.status != HTTPStatus.BAD_REQUEST:
            return await _answer_managed(exchange, optimized, response)
    # A bucket may demand what only the original upload has, such as a checksum for its lock.
    stays(exchange, policy, "the storage refused the rendition")
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
