"""CompleteMultipartUpload: what became one image is optimized before the answer is given.

The parts are the upstream's own, durable at once. The upstream completes the upload; the whole is
then read back, optimized, and replaced on condition that nobody wrote to the key meanwhile. When
anything fails on the way, the plain object stays.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web
from multidict import CIMultiDict

from codec.containers import sniff
from codec.manifest import Manifest
from codec.optimize import Optimized
from codec.reasons import Reason, Refused
from config import Policy
from gateway.exchange import Exchange
from gateway.http.byte_blocks import ByteQueue
from gateway.http.request_body import expects_continue
from gateway.optimize import byte_exact
from gateway.optimize.pipeline import SNIFFED, optimize, policy_for, refusal, stays, stored_request
from gateway.optimize.reuse import reuse
from gateway.relay import begin, respond, sent, whole
from gateway.s3 import headers
from gateway.s3 import xml as s3xml
from gateway.s3.errors import S3Error
from gateway.storage.completed_object import Plain, completed
from gateway.storage.errors import Denied
from gateway.storage.messages import Response, read_bounded
from gateway.storage.metadata import CREATED_WITH, repeated, tags_of_private
from gateway.storage.object_lock import locks_by_default
from gateway.storage.originals import keep
from gateway.storage.replacement import put_in_place, to_the_end
from gateway.storage.upstream import UNREACHABLE, Request
from gateway.workers.pool import Busy

_log = structlog.get_logger(__name__)

_MAX_RESULT: Final = 1 << 16
_MAX_PARTS: Final = 1 << 17  # bytes of a list of parts; of the largest image it has some 40 KB
_PATIENCE_S: Final = 5.0
"""How long a client waits for the answer before it gets white space: most give up after 60 s."""


async def create(exchange: Exchange) -> web.StreamResponse:
    """Serve CreateMultipartUpload, and remember what a later GET would not tell."""
    async with sent(exchange, exchange.forwarded()) as response:
        # What its headers say is judged again, of the object that the upload becomes.
        if response.status != HTTPStatus.OK or not policy_for(exchange) or refusal(exchange):
            return await respond(exchange, response)
        body = await read_bounded(response, _MAX_RESULT)
        shown = headers.end_to_end(response.headers.items())
    upload_id = s3xml.text(s3xml.parse(body), "UploadId")
    said = {n: v for n, v in exchange.headers.items() if n.lower().startswith(CREATED_WITH)}
    exchange.storage.uploads.put(upload_id, said)
    return whole(exchange, shown, body)


async def complete(exchange: Exchange) -> web.StreamResponse:
    """Serve CompleteMultipartUpload."""
    policy = policy_for(exchange)
    if policy is None or policy.mode != "optimize" or refusal(exchange):
        return await _complete(exchange, policy)
    length = exchange.upload.length or 0
    if length > _MAX_PARTS or expects_continue(exchange.request):
        return await _complete(exchange, policy)
    # Readers must not have to wait for a client that does not send its list of parts.
    await exchange.upload.peek(length)
    with exchange.storage.completing.at(exchange.target):
        return await _complete(exchange, policy)


async def _complete(exchange: Exchange, policy: Policy | None) -> web.StreamResponse:
    async with sent(exchange, exchange.forwarded()) as response:
        if response.status != HTTPStatus.OK or policy is None:
            return await respond(exchange, response)
        if (why := refusal(exchange)) is not None:
            stays(exchange, policy, why)
            return await respond(exchange, response)
        shown = headers.end_to_end(response.headers.items())
        shown.popall("Content-Length", None)
        version_id = response.headers.get("x-amz-version-id")
        work = asyncio.create_task(_finish(exchange, response, policy, version_id))
        try:
            # A version id stands in the head of the answer, which therefore has to wait.
            await asyncio.wait({work}, timeout=_patience_s(version_id))
            if not work.done():
                return await _answer_slowly(exchange, shown, work)
            body, version_id = work.result()
        finally:
            work.cancel()
    if version_id is not None:
        shown["x-amz-version-id"] = version_id
    return whole(exchange, shown, body)


def _patience_s(version_id: str | None) -> float | None:
    return _PATIENCE_S if version_id in {None, "null"} else None


async def _answer_slowly(
    exchange: Exchange, shown: CIMultiDict[str], work: asyncio.Task[tuple[bytes, str | None]]
) -> web.StreamResponse:
    """Send white space until the answer is there, as S3 does: it keeps clients from giving up."""
    answer = begin(exchange, HTTPStatus.OK, shown)
    await answer.prepare(exchange.request)
    await answer.write(s3xml.DECLARATION)
    while not work.done():
        await answer.write(b" ")
        await asyncio.wait({work}, timeout=_PATIENCE_S)
    try:
        body, _ = work.result()
    except S3Error as error:
        # The status is out already; S3, too, sends such an error with 200.
        body = error.to_xml(resource=exchange.target.path, request_id=exchange.request_id)
    await answer.write(s3xml.write(s3xml.parse(body)).removeprefix(s3xml.DECLARATION))
    await answer.write_eof()
    return answer


async def _finish(
    exchange: Exchange,
    response: Response,
    policy: Policy,
    version_id: str | None,
) -> tuple[bytes, str | None]:
    """Optimize what was completed.

    Returns:
        The body to answer with, and the version id that the object has now.
    """
    body = await read_bounded(response, _MAX_RESULT)
    root = s3xml.parse(body.strip())
    if s3xml.name(root) != "CompleteMultipartUploadResult":
        return body, version_id  # an error that comes with 200
    try:
        plain = await completed(exchange.store, exchange.target, root, version_id)
        return body, await _replace(exchange, policy, plain)
    except (Refused, Busy) as reason:
        stays(exchange, policy, reason)
    except S3Error as error:
        # The upload is complete, whatever became of the rendition.
        _log.warning("not optimized", key=exchange.target.key, reason=error.message)
        stays(exchange, policy, Refused(Reason.UNAVAILABLE, error.message))
    return body, version_id


async def _replace(exchange: Exchange, policy: Policy, plain: Plain) -> str | None:
    """Put a rendition in the place of the plain object.

    Returns:
        The version id of the rendition; None in a bucket without versions.
    """
    if await locks_by_default(
        exchange.store, exchange.target.bucket, exchange.storage.locked_buckets
    ):
        raise Refused(Reason.LOCKED)
    data, said, plain = await _read_back(exchange, policy, plain)
    try:
        optimized = await _rendition(exchange, policy, data, said)
        if policy.mode == "optimize":
            plain_request = Request("PUT", exchange.target, headers=said)
            kept = policy.originals
            await keep(exchange.store, kept, plain_request, optimized.manifest, data)
    finally:
        exchange.limits.buffers.release(len(data))
    if policy.mode == "shadow":
        return plain.version_id
    manifest = optimized.manifest.model_copy(update={"upload_etag": plain.etag})
    said.update(await _created_with(exchange, plain))
    request = await stored_request(
        Request("PUT", exchange.target, headers=said),
        replace(optimized, manifest=manifest),
        exchange.storage.seals,
    )
    work = _put_in_place(exchange, plain, request, manifest)
    version_id = await to_the_end(exchange.storage.finishing, work)
    bucket = exchange.target.bucket
    exchange.telemetry.buckets.note(bucket, manifest.size, len(optimized.rendition))
    return version_id


async def _created_with(exchange: Exchange, plain: Plain) -> Mapping[str, str]:
    """Return tags and grants of the completed object in the headers of a PUT.

    What the client said when it created the upload is remembered as a rule; otherwise (another
    process saw that request) the store is asked.

    Raises:
        Refused: They cannot be found out, or the object is shared.
    """
    remembered = exchange.storage.uploads.take(exchange.parameters["uploadId"])
    if remembered is not None:
        return remembered
    try:
        return await tags_of_private(exchange.store, exchange.target, plain.version_id)
    except Denied as error:
        raise Refused(Reason.UNREADABLE, error.detail) from error


async def _put_in_place(
    exchange: Exchange, plain: Plain, request: Request, manifest: Manifest
) -> str | None:
    storage = exchange.storage
    with exchange.limits.in_flight.track(), storage.completing.at(exchange.target):
        return await put_in_place(
            exchange.store, plain, request, manifest, storage.seals, storage.index
        )


async def _rest(response: Response, head: bytes, length: int) -> bytes:
    """Read the object to its end; ``head`` has been read already."""
    pieces = ByteQueue()
    pieces.append(head)
    async for piece in response.content.iter_any():
        pieces.append(piece)
    if pieces.size != length:
        raise Refused(Reason.READ_BACK)
    return await pieces.whole()


async def _rendition(
    exchange: Exchange, policy: Policy, data: bytes, said: Mapping[str, str]
) -> Optimized:
    content_type = said.get("Content-Type")
    known = await reuse(exchange, data, content_type) if content_type else None
    if known is not None and known.manifest.stored.tier != "exact":
        known = None if await byte_exact.reason(exchange.target.key, data, said) else known
    return known or await optimize(exchange, policy, data, said)


async def _read_back(
    exchange: Exchange, policy: Policy, plain: Plain
) -> tuple[bytes, CIMultiDict[str], Plain]:
    """Read the completed object; its length is then reserved among the buffers.

    Returns:
        The object, what its headers say in the words of a PUT, and which version it is: not every
        store names that when it completes an upload.

    Raises:
        Refused: It is not to be optimized.
    """
    buffers = exchange.limits.buffers
    store, target = exchange.store, exchange.target
    async with store.get(target, plain.version_id, etag=plain.etag) as response:
        length = response.content_length or 0
        if response.status != HTTPStatus.OK:
            raise Refused(Reason.READ_BACK, f"answered with {response.status}")
        if not 0 < length <= policy.limits.max_bytes:
            raise Refused(Reason.SIZE)
        said = repeated(response.headers)
        version_id = plain.version_id or response.headers.get("x-amz-version-id")
        plain = replace(plain, version_id=version_id)
        try:
            head = await response.content.readexactly(min(SNIFFED, length))
            if sniff(head) not in policy.types:
                raise Refused(Reason.TYPE)
            if not buffers.reserve(length):
                raise Refused(Reason.BUFFERS)
            try:
                return await _rest(response, head, length), said, plain
            except BaseException:
                buffers.release(length)
                raise
        except (asyncio.IncompleteReadError, *UNREACHABLE) as error:
            raise Refused(Reason.READ_BACK) from error
