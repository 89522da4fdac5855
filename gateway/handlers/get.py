"""GetObject and HeadObject: managed objects as they were uploaded, all others as they are."""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from gateway.exchange import Exchange
from gateway.relay import begin, respond, sent
from gateway.restore.reading import fetch
from gateway.s3 import conditional, headers, ranges
from gateway.s3.conditional import Outcome
from gateway.s3.errors import S3Error
from gateway.storage import cross_origin
from gateway.storage.completing import BeingCompleted
from gateway.storage.messages import Response
from gateway.storage.stored_object import Found, recognize
from gateway.storage.upstream import Request

# Answers that may speak of the rendition without saying so: conditions and ranges are those of
# the restored file, and the upstream judged them by the stored one; some refuse odd ones.
_AMBIGUOUS: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_MODIFIED,
        HTTPStatus.PRECONDITION_FAILED,
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    }
)
_PIECE: Final = 1 << 20  # of a restored file; TLS makes a copy of what it is given at a time
_PARTIAL: Final = frozenset({"range", "if-range"})
_NOT_FOR_RENDITIONS: Final = headers.CONDITIONS | {"x-amz-checksum-mode", "x-amz-te"}

# Amazon S3 API reference, GetObject: headers that the parameters response-… set.
_OVERRIDABLE: Final = (
    "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language",
    "Content-Type", "Expires",
)  # fmt: skip


async def get_or_head(exchange: Exchange) -> web.StreamResponse:
    """Serve GetObject or HeadObject.

    The request is sent on as it is: for a plain object, that is all. An answer that carries a
    manifest is of a rendition, and the object is restored instead.
    """
    if headers.wants_stored(exchange.headers):
        async with sent(exchange, exchange.forwarded()) as response:
            return await respond(exchange, response)
    try:
        return await _serve_what_is_there(exchange)
    except BeingCompleted:
        await exchange.storage.completing.settled(exchange.target)
    return await _serve_what_is_there(exchange)


async def _serve_what_is_there(exchange: Exchange) -> web.StreamResponse:
    if exchange.storage.index.managed(exchange.target.bucket, exchange.target.key):
        return await _probe(exchange, None)
    async with sent(exchange, exchange.forwarded()) as response:
        found = _found(exchange, response)
        if found is not None:
            return await _serve(exchange, found, response)
        if response.status in _AMBIGUOUS:
            return await _probe(exchange, response)
        return await _respond_plain(exchange, response)


async def _respond_plain(exchange: Exchange, response: Response) -> web.StreamResponse:
    """Pass on what the store says of a plain object, unless it is about to be another."""
    if "versionId" not in exchange.parameters:
        etag = headers.bare_etag(response.headers)
        exchange.storage.completing.check(exchange.target, etag)
    return await respond(exchange, response)


async def _probe(exchange: Exchange, plain: Response | None) -> web.StreamResponse:
    """Ask what the object is before anything else.

    Args:
        exchange: The client's request.
        plain: The answer to give when the object turns out to be plain; None: ask for it then.
    """
    if plain is not None and plain.content.at_eof():
        plain.let_go()
    try:
        async with sent(exchange, _unconditional(exchange)) as head:
            found = _found(exchange, head)
            if found is not None:
                if plain is not None:
                    plain.let_go()
                return await _serve(exchange, found, head)
    except S3Error as error:
        # What makes the upstream break off a HEAD is what it refused in the first answer.
        refused = plain is not None and plain.status == HTTPStatus.BAD_REQUEST
        if not refused or error.code != "ServiceUnavailable":
            raise
    if plain is not None:
        return await _respond_plain(exchange, plain)
    async with sent(exchange, exchange.forwarded()) as response:
        # It may have been replaced by a rendition in this very moment.
        found = _found(exchange, response)
        if found is not None:
            return await _serve(exchange, found, response)
        return await _respond_plain(exchange, response)


def _found(exchange: Exchange, response: Response) -> Found | None:
    storage, version_id = exchange.storage, exchange.parameters.get("versionId")
    try:
        return recognize(response, exchange.target, version_id, storage.seals, storage.index)
    except S3Error:
        cross_origin.told_by(exchange.request, response)
        raise


def _unconditional(exchange: Exchange) -> Request:
    """Ask for the object itself, with everything of the client's request that is not about bytes.

    What is kept are headers that decide whether the upstream answers at all.
    """
    uploads = exchange.request.can_read_body
    request = replace(exchange.forwarded(), method="HEAD") if uploads else exchange.question()
    query = request.query
    if query:
        query = "&".join(p for p in query.split("&") if p and not p.startswith("partNumber="))
    return replace(
        request, query=query, headers=headers.without(request.headers, _NOT_FOR_RENDITIONS)
    )


async def _serve(exchange: Exchange, found: Found, response: Response) -> web.StreamResponse:
    """Answer for a managed object."""
    told = cross_origin.told_by(exchange.request, response)
    shown, size = _shown(exchange, found, told), found.manifest.size
    status, part = _decided(exchange, found, found.manifest.etag)
    if status == HTTPStatus.NOT_MODIFIED or exchange.request.method == "HEAD":
        return await _empty(exchange, status, _with_length(shown, status, part, size))
    if response.method == "HEAD":
        # Whoever held this connection while it waits for another could wait for itself.
        response.let_go()
    (served, etag), hit = await fetch(exchange, found, response)
    response.let_go()
    shown["ETag"] = f'"{etag}"'
    if etag != found.manifest.etag:
        # An encoder has changed: parts of these bytes must not meet parts of those recorded.
        status, part = _decided(exchange, found, etag)
        if status == HTTPStatus.NOT_MODIFIED:
            return await _empty(exchange, status, shown)
    shown["x-slimgate-cache"] = "hit" if hit else "miss"
    # However slowly they are read: they are held once for all readers, and within bounds.
    with exchange.limits.buffers.shared(served):
        answer = begin(exchange, status, _with_length(shown, status, part, size))
        await answer.prepare(exchange.request)
        wanted_bytes = memoryview(served)[part.start : part.stop]
        step = _PIECE if exchange.request.secure else len(wanted_bytes)
        for at in range(0, len(wanted_bytes), step):
            await answer.write(wanted_bytes[at : at + step])
        await answer.write_eof()
        return answer


def _decided(exchange: Exchange, found: Found, etag: str) -> tuple[HTTPStatus, ranges.Range]:
    """Judge conditions and ranges; return the status, and which bytes are served.

    Args:
        exchange: The client's request.
        found: Which object.
        etag: Of the bytes that are served.

    Raises:
        S3Error: PreconditionFailed, InvalidRange.
    """
    everything = ranges.Range(0, found.manifest.size)
    asked = headers.CONDITIONS.intersection(map(str.lower, exchange.headers))
    in_parts = "partNumber" in exchange.parameters
    if not asked and not in_parts:
        return HTTPStatus.OK, everything
    identity = found.identity(etag)
    if in_parts or not _PARTIAL.isdisjoint(asked):
        identity = identity.without_aliases
    outcome = conditional.evaluate(exchange.headers, identity)
    if outcome is Outcome.PRECONDITION_FAILED:
        raise S3Error("PreconditionFailed")
    if outcome is Outcome.NOT_MODIFIED:
        return HTTPStatus.NOT_MODIFIED, everything
    part = _range(exchange, everything, identity)
    return (HTTPStatus.OK, everything) if part is None else (HTTPStatus.PARTIAL_CONTENT, part)


def _range(
    exchange: Exchange, everything: ranges.Range, identity: conditional.Representation
) -> ranges.Range | None:
    sent_headers, part = exchange.headers, exchange.parameters.get("partNumber")
    if part is not None:
        if "Range" in sent_headers:
            raise S3Error("InvalidRequest", "Cannot specify both Range header and partNumber.")
        if part != "1":
            raise S3Error("InvalidRange", "The requested partnumber is not satisfiable")
        return everything
    asked = sent_headers.get("Range")
    if asked is None or not conditional.range_applies(sent_headers, identity):
        return None
    return ranges.parse(asked, everything.length)


def _with_length(
    shown: CIMultiDict[str], status: HTTPStatus, part: ranges.Range, size: int
) -> CIMultiDict[str]:
    if status == HTTPStatus.PARTIAL_CONTENT:
        shown["Content-Range"] = part.content_range(size)
    shown["Content-Length"] = str(part.length)
    return shown


def _shown(exchange: Exchange, found: Found, told: Mapping[str, str]) -> CIMultiDict[str]:
    """Give the headers that a client sees of a managed object.

    Args:
        exchange: The client's request.
        found: Which object.
        told: What the upstream says that is true of the answer.
    """
    manifest = found.manifest
    shown = headers.client_metadata(told.items())
    shown["Content-Type"] = manifest.content_type
    shown.update(_overrides(exchange))
    shown["Content-Length"] = str(manifest.size)
    shown["ETag"] = f'"{manifest.etag}"'
    shown["Accept-Ranges"] = "bytes"
    shown["x-slimgate-tier"] = manifest.stored.tier
    shown["x-slimgate-model"] = manifest.stored.restorer or "none"
    shown["x-slimgate-psnr"] = f"{manifest.measured.psnr_db:.2f}"
    shown["x-slimgate-ssim"] = f"{manifest.measured.ssim:.4f}"
    return shown


async def _empty(
    exchange: Exchange, status: HTTPStatus, shown: CIMultiDict[str]
) -> web.StreamResponse:
    answer = begin(exchange, status, shown)
    await answer.prepare(exchange.request)
    await answer.write_eof()
    return answer


def _overrides(exchange: Exchange) -> dict[str, str]:
    """Give the headers that the query asks for; not every upstream heeds them on HEAD.

    Raises:
        S3Error: InvalidArgument when a value cannot stand in a header.
    """
    if not exchange.parameters:
        return {}
    asked = {
        name: exchange.parameters[f"response-{name.lower()}"]
        for name in _OVERRIDABLE
        if f"response-{name.lower()}" in exchange.parameters
    }
    if not all(value.isprintable() for value in asked.values()):
        raise S3Error("InvalidArgument", "A response header must be printable text.")
    return asked
