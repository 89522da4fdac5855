"""CopyObject and UploadPartCopy: copies of managed objects stay managed, parts are restored.

The upstream copies renditions unchanged. Everything the client says about the object (type, ETag
conditions, new metadata) is translated, so that the manifest stays valid. Parts are cut from the
restored file, since ranges refer to it.
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
from gateway.handlers.call import Call, forwarded
from gateway.handlers.passthrough import PassThrough
from gateway.restore.pipeline import file_of
from gateway.restore.read import Reads
from gateway.s3 import conditional, headers, ranges
from gateway.s3 import xml as s3xml
from gateway.s3.canonical import escaped, query_pairs, unescaped
from gateway.s3.conditional import Outcome
from gateway.s3.digests import sha256_hex
from gateway.s3.errors import S3Error
from gateway.s3.listing_xml import LogicalView
from gateway.s3.routing import Target, key_target
from gateway.storage.listing_index import ObjectState
from gateway.storage.manifest_seals import Seals
from gateway.storage.messages import Request, Response, read_bounded
from gateway.storage.storage import Storage
from gateway.storage.stored_object import ManagedObject, look_up_with_etag, read_manifest

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


class Copy:
    """Handle CopyObject and UploadPartCopy.

    Args:
        storage: The store.
        parts: Resources to read the source.
        plain: Streams responses of the store.
    """

    def __init__(self, storage: Storage, parts: Reads, plain: PassThrough) -> None:
        self._storage = storage
        self._parts = parts
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Handle a request."""
        target, version_id = _parse(call.headers[headers.COPY_SOURCE])
        spelled = {headers.COPY_SOURCE: _spelled(target, version_id)}
        source, etag = await self._look(call, target, version_id)
        if source is None and version_id is None and "-" in etag:
            # Its rendition may be about to replace it under the same ETag, with other bytes.
            await self._storage.completing.wait(target)
            source, etag = await self._look(call, target, version_id)
        if source is None:
            return await self._copy_plain(call, spelled, etag)
        _check_conditions(call, source.identity(source.manifest.etag))
        request = forwarded(call, spelled)
        if "uploadId" in call.parameters:
            return await self._copy_part(call, request, source)
        return await self._copy_managed(call, request, source)

    async def _look(
        self, call: Call, target: Target, version_id: str | None
    ) -> tuple[ManagedObject | None, str]:
        seals, index = self._storage.seals, self._storage.index
        return await look_up_with_etag(call.client, target, version_id, seals, index)

    async def _copy_managed(
        self, call: Call, request: Request, source: ManagedObject
    ) -> web.StreamResponse:
        seals = self._storage.seals
        changed = _translated(request.headers, source, seals)
        async with call.client.send(replace(request, headers=changed)) as response:
            _check_unchanged(call, response)
            if response.status != HTTPStatus.OK:
                return await self._plain.answer(call, response)
            note = changed.get(headers.MANIFEST)
            manifest = source.manifest if note is None else read_manifest(note, seals)
            return await self._result(call, response, manifest)

    async def _copy_plain(
        self, call: Call, spelled: Mapping[str, str], etag: str
    ) -> web.StreamResponse:
        """Let the store copy a plain object, unless a rendition replaces it concurrently.

        Args:
            call: Request of the client.
            spelled: The copy source header.
            etag: ETag of the source; empty if this caller cannot see it.
        """
        # An added ETag condition would take precedence over the client's date condition.
        if not etag or not {_IF_MATCH, _IF_UNMODIFIED}.isdisjoint(_conditions(call)):
            return await self._plain(call, spelled)
        request = forwarded(call, {**spelled, _IF_MATCH: f'"{etag}"'})
        async with call.client.send(request) as response:
            _check_unchanged(call, response)
            return await self._plain.answer(call, response)

    async def _result(
        self, call: Call, response: Response, manifest: Manifest
    ) -> web.StreamResponse:
        """Return the result with the served ETag; errors with status 200 pass unchanged."""
        body = await read_bounded(response, _MAX_RESULT)
        shown = headers.client_metadata(response.headers.items())
        root = s3xml.parse(body)
        if s3xml.name(root) == "CopyObjectResult":
            target, stored_etag = call.target, s3xml.text(root, "ETag").strip('"')
            view = LogicalView(manifest.size, manifest.etag)
            seen = ObjectState.of_write(response.headers, stored_etag)
            self._storage.index.put(target.bucket, target.key, seen, view)
            body = _with_etag(root, manifest.etag)
        return _answer(call, shown, body)

    async def _copy_part(
        self, call: Call, request: Request, source: ManagedObject
    ) -> web.StreamResponse:
        """Upload a range of the restored object as a part."""
        wanted = _source_range(call.headers.get(_RANGE), source.manifest.size)
        served, etag = await file_of(self._parts, call.client, source)
        if etag != source.manifest.etag:
            _check_conditions(call, source.identity(etag))
        upload = await _part(request, served[wanted.start : wanted.stop])
        async with call.client.send(upload) as response:
            if response.status != HTTPStatus.OK:
                return await self._plain.answer(call, response)
            shown = headers.client_metadata(response.headers.items())
        self._storage.copied.put(call.parameters["uploadId"], source)
        etag = shown.popone("ETag", "")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        body = s3xml.document("CopyPartResult", {"LastModified": now, "ETag": etag})
        return _answer(call, shown, body)


async def _part(request: Request, data: bytes) -> Request:
    """Return an UploadPart with the given bytes, in place of an UploadPartCopy."""
    kept = [name.lower() for name in request.headers if name.lower().startswith(_PREFIX[:-1])]
    return replace(
        request,
        headers=headers.without(request.headers, kept),
        body=data,
        length=len(data),
        payload_hash=await sha256_hex(data),
    )


def _conditions(call: Call) -> dict[str, str]:
    """Return the client's conditions on the source, by lower-case name."""
    sent_headers = call.headers
    return {name: sent_headers[name] for name in _CONDITIONS if name in sent_headers}


def _check_unchanged(call: Call, response: Response) -> None:
    """Check that the gateway's own condition did not fail.

    Raises:
        S3Error: SlowDown; a client without conditions does not expect PreconditionFailed.
    """
    own = not _conditions(call) and _OF_TARGET.isdisjoint(map(str.lower, call.headers))
    if own and response.status == HTTPStatus.PRECONDITION_FAILED:
        raise S3Error(
            "SlowDown", "The source was changed while it was being copied. Please try again."
        )


def _parse(value: str) -> tuple[Target, str | None]:
    """Parse ``[/]bucket/key[?versionId=…]``, percent-encoded, with or without encoded slashes.

    Raises:
        S3Error: InvalidArgument, worded as by S3, or InvalidBucketName.
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
    """Return a copy source that the store parses exactly as it was parsed here."""
    version = f"?versionId={escaped(version_id)}" if version_id else ""
    return f"{source.path.removeprefix('/')}{version}"


def _translated(
    sent_headers: Mapping[str, str], source: ManagedObject, seals: Seals
) -> CIMultiDict[str]:
    changed = headers.without(sent_headers, _CONDITIONS)
    # The client's conditions hold. The store has to check that the manifest is still valid.
    changed[_IF_MATCH] = f'"{source.stored_etag}"'
    if changed.get(_DIRECTIVE, "COPY").upper() == "REPLACE":
        content_type = changed.get("Content-Type", source.manifest.content_type)
        note = source.manifest.model_copy(update={"content_type": content_type})
        changed["Content-Type"] = mime_of(source.manifest.stored.codec)
        changed[headers.MANIFEST] = _checked(note, seals)
    return changed


def _checked(note: Manifest, seals: Seals) -> str:
    """Return a manifest whose content type came from a client."""
    try:
        text = seals.write(note)
    except ValueError as error:
        raise S3Error("InvalidArgument", "The Content-Type is too long.") from error
    read_manifest(text, seals)
    return text


def _with_etag(root: s3xml.Element, etag: str) -> bytes:
    for child in list(root):
        if s3xml.name(child) == "ETag":
            child.text = f'"{etag}"'
        elif s3xml.name(child).startswith("Checksum"):
            root.remove(child)
    return s3xml.write(root)


def _answer(call: Call, shown: CIMultiDict[str], body: bytes) -> web.Response:
    shown["Content-Type"] = s3xml.CONTENT_TYPE
    return call.whole(shown, body)


def _check_conditions(call: Call, source: conditional.Representation) -> None:
    """Evaluate copy conditions: not every upstream does, and it would compare the stored ETag."""
    if _RANGE in call.headers:
        source = source.without_aliases
    conditions = {name.removeprefix(_PREFIX): value for name, value in _conditions(call).items()}
    if conditional.evaluate(conditions, source) is not Outcome.PROCEED:
        raise S3Error("PreconditionFailed")


def _source_range(value: str | None, size: int) -> ranges.Range:
    """Parse ``bytes=first-last``; unlike a Range header, it must lie within the object.

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
