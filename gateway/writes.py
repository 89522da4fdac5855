"""PutObject: an eligible image becomes a rendition, everything else is stored as it is."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from importlib.metadata import version
from typing import Final

import aiohttp
import structlog
from aiohttp import web
from multidict import CIMultiDict

from codec import avif
from codec.containers import sniff
from codec.optimize import Optimized, Refused
from config import Policy
from gateway import headers
from gateway.exchange import Exchange
from gateway.index import View
from gateway.relay import respond, sent
from gateway.upstream import Request
from gateway.workers import Busy

_log = structlog.get_logger(__name__)

_VERSION: Final = version("slimgate")
_SNIFFED: Final = 32
_DEFAULT_TYPE: Final = "binary/octet-stream"  # what S3 gives an object without a Content-Type
_MAX_TYPE_LENGTH: Final = 100
_MAX_USER_METADATA: Final = 2048  # bytes of keys and values together, S3 user guide
_META: Final = "x-amz-meta-"

# Uploads with any of these are stored as they are: the bytes are not ours to change.
_UNTOUCHABLE: Final = (
    "x-amz-object-lock-",
    "x-amz-server-side-encryption-customer-",
    "x-amz-write-offset-bytes",
)


async def put(exchange: Exchange) -> web.StreamResponse:
    """Serve PutObject."""
    policy = _policy(exchange)
    if policy is None or not await _is_candidate(exchange, policy):
        return await _stream(exchange)
    size = exchange.upload.length or 0
    if not exchange.services.buffers.reserve(size):
        # Rather the whole upload than none: it can be optimized at any later time.
        _stays(exchange, policy, "too many uploads at once")
        return await _stream(exchange)
    try:
        return await _put_image(exchange, policy, await exchange.upload.read())
    finally:
        exchange.services.buffers.give_back(size)


def _policy(exchange: Exchange) -> Policy | None:
    """Find the policy that optimizes this upload, judging by what stands in its headers."""
    sent_headers, target = exchange.request.headers, exchange.target
    # Whoever is anonymous may not make the gateway work before the upstream has said yes.
    if exchange.identity is None or target.key.endswith("/"):
        return None
    if any(name.lower().startswith(_UNTOUCHABLE) for name in sent_headers):
        return None
    encoding = headers.forwardable(sent_headers.items()).get("Content-Encoding", "identity")
    content_type = sent_headers.get("Content-Type", "")
    printable = content_type.isascii() and content_type.isprintable()
    if encoding.lower() != "identity" or len(content_type) > _MAX_TYPE_LENGTH or not printable:
        return None
    policy = exchange.services.policies.match(target.bucket, target.key)
    return None if policy is None or policy.mode == "off" else policy


async def _is_candidate(exchange: Exchange, policy: Policy) -> bool:
    length = exchange.upload.length or 0
    if not 0 < length <= policy.limits.max_bytes:
        return False
    return sniff((await exchange.upload.peek(_SNIFFED))[:_SNIFFED]) in policy.types


async def _put_image(exchange: Exchange, policy: Policy, data: bytes) -> web.StreamResponse:
    started = time.monotonic()
    try:
        optimized = await exchange.services.workers.optimize(
            data,
            policy,
            content_type=exchange.request.headers.get("Content-Type", _DEFAULT_TYPE),
            version=_VERSION,
        )
        request = _stored_request(exchange, optimized)
    except (Refused, Busy) as error:
        _stays(exchange, policy, str(error))
        return await _store_plain(exchange, data)
    _log.info(
        "optimized" if policy.mode == "optimize" else "would have been optimized",
        bucket=exchange.target.bucket,
        key=exchange.target.key,
        policy=policy.name,
        tier=optimized.manifest.stored.tier,
        scale=optimized.manifest.stored.scale,
        uploaded_bytes=len(data),
        stored_bytes=len(optimized.rendition),
        psnr_db=optimized.manifest.measured.psnr_db,
        ssim=optimized.manifest.measured.ssim,
        seconds=round(time.monotonic() - started, 3),
    )
    if policy.mode == "shadow":
        return await _store_plain(exchange, data)
    async with sent(exchange, request) as response:
        return await _answer_managed(exchange, optimized, response)


def _stored_request(exchange: Exchange, optimized: Optimized) -> Request:
    """Make the upload of the rendition, with everything that the client said of the object.

    Raises:
        Refused: The manifest does not fit into the metadata.
    """
    try:
        note = optimized.manifest.dumps()
    except ValueError as error:
        raise Refused(str(error)) from error
    kept = headers.without_body_digests(headers.forwardable(exchange.request.headers.items()))
    kept["Content-Type"] = avif.MIME
    kept[headers.MANIFEST] = note
    if _user_metadata(kept) > _MAX_USER_METADATA:
        raise Refused("no room for the manifest beside the client's own metadata")
    return replace(
        exchange.forwarded(),
        headers=kept,
        body=optimized.rendition,
        length=len(optimized.rendition),
        payload_hash=hashlib.sha256(optimized.rendition).hexdigest(),
    )


def _user_metadata(kept: Mapping[str, str]) -> int:
    return sum(
        len(name) - len(_META) + len(value.encode())
        for name, value in kept.items()
        if name.lower().startswith(_META)
    )


async def _answer_managed(
    exchange: Exchange, optimized: Optimized, response: aiohttp.ClientResponse
) -> web.StreamResponse:
    if response.status != HTTPStatus.OK:
        return await respond(exchange, response)
    manifest, target = optimized.manifest, exchange.target
    stored_etag = response.headers.get("ETag", "").strip('"')
    view = View(manifest.size, manifest.etag)
    exchange.services.index.put(target.bucket, target.key, stored_etag, view)
    shown = headers.client_metadata(response.headers.items())
    shown["ETag"] = f'"{manifest.md5}"'
    shown.update(exchange.upload.digests.echo())
    shown["x-slimgate-tier"] = manifest.stored.tier
    shown.setdefault("x-amz-request-id", exchange.request_id)
    shown.popall("Content-Length", None)
    return web.Response(status=response.status, headers=shown)


async def _stream(exchange: Exchange) -> web.StreamResponse:
    async with sent(exchange, exchange.forwarded()) as response:
        return await _answer_plain(exchange, response)


async def _store_plain(exchange: Exchange, data: bytes) -> web.StreamResponse:
    request = replace(exchange.forwarded(), body=data, length=len(data))
    # By now a checksum from the trailer is known and verified; upstreams take it as a header.
    verified: CIMultiDict[str] = CIMultiDict(exchange.upload.digests.echo())
    verified.extend(request.headers)
    async with sent(exchange, replace(request, headers=verified)) as response:
        return await _answer_plain(exchange, response)


async def _answer_plain(exchange: Exchange, response: aiohttp.ClientResponse) -> web.StreamResponse:
    if response.status != HTTPStatus.OK:
        return await respond(exchange, response)
    target, stored_etag = exchange.target, response.headers.get("ETag", "").strip('"')
    exchange.services.index.put(target.bucket, target.key, stored_etag, None)
    return await respond(exchange, response, extra=exchange.upload.digests.echo())


def _stays(exchange: Exchange, policy: Policy, reason: str) -> None:
    _log.info(
        "stored as uploaded",
        bucket=exchange.target.bucket,
        key=exchange.target.key,
        policy=policy.name,
        reason=reason,
    )
