"""CopyObject and UploadPartCopy: a copy of a managed object is managed, or it is not made.

The upstream copies renditions as they are. What a client says of the object (its type, conditions
on its ETag, new metadata) is translated, so that the manifest travels along.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web
from botocore.exceptions import ClientError
from defusedxml.ElementTree import fromstring
from multidict import CIMultiDict

from codec import avif
from codec.manifest import Manifest
from gateway import headers
from gateway.errors import S3Error
from gateway.exchange import Exchange
from gateway.index import View
from gateway.listings import META_KEY, element_name, write_xml
from gateway.reads import read_manifest
from gateway.relay import pass_through, read_bounded, respond, sent

SOURCE: Final = "x-amz-copy-source"
_DIRECTIVE: Final = "x-amz-metadata-directive"
_ETAG_CONDITIONS: Final = ("x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match")
_MAX_RESULT: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class _Source:
    """The managed object that shall be copied."""

    manifest: Manifest
    stored_etag: str

    def translated(self, condition: str) -> str:
        """Give the condition in terms of the stored ETag, where it names this object."""
        manifest = self.manifest
        names = {manifest.etag, manifest.md5, self.stored_etag}
        tags = (tag.strip().strip('"') for tag in condition.split(","))
        return ",".join(f'"{self.stored_etag}"' if tag in names else f'"{tag}"' for tag in tags)


async def copy(exchange: Exchange) -> web.StreamResponse:
    """Serve CopyObject and UploadPartCopy."""
    source = await _managed_source(exchange)
    if source is None:
        return await pass_through(exchange)
    if "uploadId" in exchange.parameters:
        raise S3Error(
            "NotImplemented",
            "A part cannot be copied from an image that is stored small. Copy the whole object.",
        )
    request = exchange.forwarded()
    changed = _translated(request.headers, source)
    async with sent(exchange, replace(request, headers=changed)) as response:
        if response.status != HTTPStatus.OK:
            return await respond(exchange, response)
        body = await read_bounded(response, _MAX_RESULT)
        shown = headers.client_metadata(response.headers.items())
    manifest = _manifest(changed.get(headers.MANIFEST), source)
    body = _result(exchange, body, manifest)
    shown.setdefault("x-amz-request-id", exchange.request_id)
    shown["Content-Length"] = str(len(body))
    return web.Response(status=HTTPStatus.OK, headers=shown, body=body)


async def _managed_source(exchange: Exchange) -> _Source | None:
    """Look at what shall be copied; None when it is plain, or not there for this caller."""
    bucket, key, version = _parse(exchange.request.headers[SOURCE])
    try:
        head = await exchange.services.upstream.head(bucket, key, exchange.identity, version)
    except ClientError:
        return None  # the upstream refuses the copy for the same reason, in its own words
    note = head["Metadata"].get(META_KEY)
    return _Source(read_manifest(note), head["ETag"].strip('"')) if note is not None else None


def _parse(value: str) -> tuple[str, str, str | None]:
    """Split ``[/]bucket/key[?versionId=…]``, percent-encoded.

    Raises:
        S3Error: InvalidArgument, as S3 words it.
    """
    path, _, version = value.partition("?versionId=")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket or not key:
        raise S3Error("InvalidArgument", "Copy Source must mention the source bucket and key.")
    return bucket, key, version or None


def _translated(sent_headers: Mapping[str, str], source: _Source) -> CIMultiDict[str]:
    changed = CIMultiDict(sent_headers)
    for name in _ETAG_CONDITIONS:
        if name in changed:
            changed[name] = source.translated(changed[name])
    if changed.get(_DIRECTIVE, "COPY").upper() == "REPLACE":
        content_type = changed.get("Content-Type", source.manifest.content_type)
        note = source.manifest.model_copy(update={"content_type": content_type})
        changed["Content-Type"] = avif.MIME
        changed[headers.MANIFEST] = _checked(note)
    return changed


def _checked(note: Manifest) -> str:
    """Write a manifest whose content type came from a client."""
    try:
        text = note.dumps()
    except ValueError as error:
        raise S3Error("InvalidArgument", "The Content-Type is too long.") from error
    read_manifest(text)
    return text


def _manifest(note: str | None, source: _Source) -> Manifest:
    return source.manifest if note is None else read_manifest(note)


def _result(exchange: Exchange, body: bytes, manifest: Manifest) -> bytes:
    """Show the ETag that clients will see of the copy; errors sent with 200 stay as they are."""
    root: Any = fromstring(body)
    if element_name(root) != "CopyObjectResult":
        return body
    target = exchange.target
    for child in list(root):
        name = element_name(child)
        if name == "ETag":
            stored_etag = (child.text or "").strip('"')
            view = View(manifest.size, manifest.etag)
            exchange.services.index.put(target.bucket, target.key, stored_etag, view)
            child.text = f'"{manifest.etag}"'
        elif name.startswith("Checksum"):
            root.remove(child)
    return write_xml(root)
