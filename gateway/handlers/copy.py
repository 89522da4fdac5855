"""CopyObject and UploadPartCopy: a copy of a managed object is managed, or made of its pixels.

The upstream copies renditions as they are. What a client says of the object (its type, conditions
on its ETag, new metadata) is translated, so that the manifest travels along. A part is made of the
restored bytes: its range counts those.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from codec.encoders import mime_of
from codec.manifest import Manifest
from gateway.exchange import Exchange
from gateway.optimize.reuse import remember_source
from gateway.relay import pass_through, respond, sent, whole
from gateway.restore.reading import fetch
from gateway.s3 import conditional, headers, ranges
from gateway.s3 import xml as s3xml
from gateway.s3.canonical import escaped, query_pairs, unescaped
from gateway.s3.conditional import Outcome
from gateway.s3.digests import sha256_hex
from gateway.s3.errors import S3Error
from gateway.s3.listing_xml import View
from gateway.s3.routing import Target, key_target
from gateway.storage.listing_index import Sighting
from gateway.storage.manifest_seals import Seals
from gateway.storage.messages import Response, read_bounded
from gateway.storage.stored_object import Found, look_closely, read_manifest

_PREFIX: Final = "x-amz-copy-source-"
_RANGE: Final = "x-amz-copy-source-range"
_DIRECTIVE: Final = "x-amz-metadata-directive"
_IF_MATCH: Final = "x-amz-copy-source-if-match"
_IF_UNMODIFIED: Final = "x-amz-copy-source-if-unmodified-since"
_CONDITIONS: Final = (
    _IF_MATCH, "x-amz-copy-source-if-none-match", "x-amz-copy-source-if-modified-since",
    _IF_UNMODIFIED,
)  # fmt: skip
_OF_TARGET: Final = frozenset({"if-match", "if-none-match"})
_MAX_RESULT: Final = 1 << 16


async def copy(exchange: Exchange) -> web.StreamResponse:
    """Serve CopyObject and UploadPartCopy."""
    target, version_id = _parse(exchange.headers[headers.COPY_SOURCE])
    exchange.overrides[headers.COPY_SOURCE] = _spelled(target, version_id)
    known = exchange.storage.seals, exchange.storage.index
    source, etag = await look_closely(exchange.store, target, version_id, *known)
    if source is None and version_id is None and "-" in etag:
        # It may be about to become small under the same ETag, and parts of it another file.
        await exchange.storage.completing.settled(target)
        source, etag = await look_closely(exchange.store, target, version_id, *known)
    if source is None:
        return await _copy_plain(exchange, etag)
    _check_conditions(exchange, source.identity(source.manifest.etag))
    if "uploadId" in exchange.parameters:
        return await _copy_part(exchange, source)
    request, seals = exchange.forwarded(), exchange.storage.seals
    changed = _translated(request.headers, source, seals)
    async with sent(exchange, replace(request, headers=changed)) as response:
        _check_unchanged(exchange, response)
        if response.status != HTTPStatus.OK:
            return await respond(exchange, response)
        note = changed.get(headers.MANIFEST)
        manifest = source.manifest if note is None else read_manifest(note, seals)
        return await _result(exchange, response, manifest)


async def _copy_plain(exchange: Exchange, etag: str) -> web.StreamResponse:
    """Let the upstream copy a plain object, unless a rendition takes its place right now.

    Args:
        exchange: The client's request.
        etag: Of the source; empty when this caller may not see it.
    """
    # Where the date counts as well, a matching ETag would outweigh it.
    if not etag or not {_IF_MATCH, _IF_UNMODIFIED}.isdisjoint(_conditions(exchange)):
        return await pass_through(exchange)
    exchange.overrides[_IF_MATCH] = f'"{etag}"'
    async with sent(exchange, exchange.forwarded()) as response:
        _check_unchanged(exchange, response)
        return await respond(exchange, response)


def _conditions(exchange: Exchange) -> dict[str, str]:
    """Return the conditions on the source that the client has set, by lower-case name."""
    sent_headers = exchange.headers
    return {name: sent_headers[name] for name in _CONDITIONS if name in sent_headers}


def _check_unchanged(exchange: Exchange, response: Response) -> None:
    """Check that a condition of the gateway's own did not fail.

    Raises:
        S3Error: SlowDown; a client that has set no condition expects no PreconditionFailed.
    """
    own = not _conditions(exchange) and _OF_TARGET.isdisjoint(map(str.lower, exchange.headers))
    if own and response.status == HTTPStatus.PRECONDITION_FAILED:
        raise S3Error("SlowDown", "The source was changed while it was copied. Try again.")


def _parse(value: str) -> tuple[Target, str | None]:
    """Split ``[/]bucket/key[?versionId=…]``, percent-encoded, slashes included or not.

    Raises:
        S3Error: InvalidArgument, as S3 words it, or InvalidBucketName.
    """
    try:
        path, _, query = value.partition("?")
        bucket, _, key = unescaped(path).removeprefix("/").partition("/")
        versions = [value for name, value in query_pairs(query) if name == "versionId"]
    except S3Error as error:
        raise S3Error("InvalidArgument", "Copy Source must be percent-encoded.") from error
    if not bucket or not key:
        raise S3Error("InvalidArgument", "Copy Source must mention the source bucket and key.")
    if len(versions) > 1:
        raise S3Error("InvalidArgument", "Copy Source may name one version.")
    return key_target(bucket, key), "".join(versions) or None


def _spelled(source: Target, version_id: str | None) -> str:
    """Write a copy source so that the store reads of it what was judged here."""
    version = f"?versionId={escaped(version_id)}" if version_id else ""
    return f"{source.path.removeprefix('/')}{version}"


def _translated(sent_headers: Mapping[str, str], source: Found, seals: Seals) -> CIMultiDict[str]:
    changed = headers.without(sent_headers, _CONDITIONS)
    # They hold, as was judged here. What must hold upstream is that the manifest is still true.
    changed[_IF_MATCH] = f'"{source.stored_etag}"'
    if changed.get(_DIRECTIVE, "COPY").upper() == "REPLACE":
        content_type = changed.get("Content-Type", source.manifest.content_type)
        note = source.manifest.model_copy(update={"content_type": content_type})
        changed["Content-Type"] = mime_of(source.manifest.stored.codec)
        changed[headers.MANIFEST] = _checked(note, seals)
    return changed


def _checked(note: Manifest, seals: Seals) -> str:
    """Write a manifest whose content type came from a client."""
    try:
        text = seals.write(note)
    except ValueError as error:
        raise S3Error("InvalidArgument", "The Content-Type is too long.") from error
    read_manifest(text, seals)
    return text


async def _result(exchange: Exchange, response: Response, manifest: Manifest) -> web.StreamResponse:
    """Show the ETag that clients will see of the copy; errors sent with 200 stay as they are."""
    body = await read_bounded(response, _MAX_RESULT)
    shown = headers.client_metadata(response.headers.items())
    root = s3xml.parse(body)
    if s3xml.name(root) == "CopyObjectResult":
        target, stored_etag = exchange.target, s3xml.text(root, "ETag").strip('"')
        view = View(manifest.size, manifest.etag)
        seen = Sighting.of_write(response.headers, stored_etag)
        exchange.storage.index.put(target.bucket, target.key, seen, view)
        body = _with_etag(root, manifest.etag)
    return _answer(exchange, shown, body)


def _with_etag(root: s3xml.Element, etag: str) -> bytes:
    for child in list(root):
        if s3xml.name(child) == "ETag":
            child.text = f'"{etag}"'
        elif s3xml.name(child).startswith("Checksum"):
            root.remove(child)
    return s3xml.write(root)


def _answer(exchange: Exchange, shown: CIMultiDict[str], body: bytes) -> web.Response:
    shown["Content-Type"] = s3xml.CONTENT_TYPE
    return whole(exchange, shown, body)


async def _copy_part(exchange: Exchange, source: Found) -> web.StreamResponse:
    """Upload a range of the restored object as a part."""
    wanted = _source_range(exchange.headers.get(_RANGE), source.manifest.size)
    (served, etag), _ = await fetch(exchange, source)
    if etag != source.manifest.etag:
        _check_conditions(exchange, source.identity(etag))
    part = served[wanted.start : wanted.stop]
    request = exchange.forwarded()
    kept = [name.lower() for name in request.headers if name.lower().startswith(_PREFIX[:-1])]
    upload = replace(
        request,
        headers=headers.without(request.headers, kept),
        body=part,
        length=len(part),
        payload_hash=await sha256_hex(part),
    )
    async with sent(exchange, upload) as response:
        if response.status != HTTPStatus.OK:
            return await respond(exchange, response)
        shown = headers.client_metadata(response.headers.items())
    remember_source(exchange, source)
    etag = shown.popone("ETag", "")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    body = s3xml.document("CopyPartResult", {"LastModified": now, "ETag": etag})
    return _answer(exchange, shown, body)


def _check_conditions(exchange: Exchange, source: conditional.Representation) -> None:
    """Judge the copy conditions here: not every upstream does, and of a part it sees an upload."""
    if _RANGE in exchange.headers:
        source = source.without_aliases
    conditions = {
        name.removeprefix(_PREFIX): value for name, value in _conditions(exchange).items()
    }
    if conditional.evaluate(conditions, source) is not Outcome.PROCEED:
        raise S3Error("PreconditionFailed")


def _source_range(value: str | None, size: int) -> ranges.Range:
    """Read ``bytes=first-last``; unlike a Range header it must lie within the object.

    Raises:
        S3Error: InvalidArgument or InvalidRange.
    """
    if value is None:
        return ranges.Range(0, size)
    first, dash, last = value.removeprefix("bytes=").partition("-")
    numbers = all(part.isascii() and part.isdigit() and len(part) < 20 for part in (first, last))
    if not value.startswith("bytes=") or not dash or not numbers or int(first) > int(last):
        raise S3Error(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last.",
        )
    if int(last) >= size:
        raise S3Error("InvalidRange", f"Range specified is not valid for source of size {size}")
    return ranges.Range(int(first), int(last) + 1)
