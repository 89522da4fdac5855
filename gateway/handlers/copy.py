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

from slimgate.codec.encoders import mime_of
from slimgate.codec.manifest import Manifest
from slimgate.gateway.handlers.call import Call, forwarded
from slimgate.gateway.handlers.passthrough import PassThrough
from slimgate.gateway.handlers.plain_copy import MAX_RESULT, PlainCopy, check_unchanged
from slimgate.gateway.restore.pipeline import file_of
from slimgate.gateway.restore.read import Reads
from slimgate.gateway.s3 import copy_result, copy_source, headers
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.digests import sha256_hex
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.listing_xml import parse_listed_time
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.listing_index import ObjectState
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Request, Response, read_bounded
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.storage import Storage
from slimgate.gateway.storage.stored_object import ManagedObject, look_up_with_etag, read_manifest
from slimgate.gateway.storage.upload_time import logical_view

_DIRECTIVE: Final = "x-amz-metadata-directive"


class Copy:
    """Handle CopyObject and UploadPartCopy.

    Args:
        storage: The store.
        parts: Resources to read the source.
        plain_copy: Copies plain objects.
        plain: Streams responses of the store.
    """

    def __init__(
        self, storage: Storage, parts: Reads, plain_copy: PlainCopy, plain: PassThrough
    ) -> None:
        self._storage = storage
        self._parts = parts
        self._copy_plain = plain_copy
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Handle a request."""
        target, version_id = copy_source.parse(call.headers[headers.COPY_SOURCE])
        spelled = {headers.COPY_SOURCE: copy_source.spelled(target, version_id)}
        source, etag = await self._look(call, target, version_id)
        if source is None and version_id is None and "-" in etag:
            # Its rendition may be about to replace it under the same ETag, with other bytes.
            await self._storage.completing.wait(target)
            source, etag = await self._look(call, target, version_id)
        if not etag and source is None:
            _check_same_credentials(call, target)
        if source is None:
            return await self._copy_plain(call, spelled, etag)
        copy_source.check_conditions(call.headers, source.identity(source.manifest.etag))
        request = forwarded(call, spelled)
        if "uploadId" in call.parameters:
            return await self._copy_part(call, request, source)
        return await self._copy_managed(call, request, source)

    async def _look(
        self, call: Call, target: Target, version_id: str | None
    ) -> tuple[ManagedObject | None, str]:
        seals, index = self._storage.seals, self._storage.index
        return await look_up_with_etag(_of_source(call), target, version_id, seals, index)

    async def _copy_managed(
        self, call: Call, request: Request, source: ManagedObject
    ) -> web.StreamResponse:
        seals = self._storage.seals
        changed = _translated(request.headers, source, seals)
        async with call.client.send(replace(request, headers=changed)) as response:
            check_unchanged(call, response)
            if response.status != HTTPStatus.OK:
                return await self._plain.answer(call, response)
            note = changed.get(headers.MANIFEST)
            manifest = source.manifest if note is None else read_manifest(note, seals)
            return await self._result(call, response, manifest)

    async def _result(
        self, call: Call, response: Response, manifest: Manifest
    ) -> web.StreamResponse:
        """Return the result with the served ETag; errors with status 200 pass unchanged."""
        body = await read_bounded(response, MAX_RESULT)
        shown = headers.client_metadata(response.headers.items())
        root = s3xml.parse(body)
        if s3xml.name(root) == copy_result.NAME:
            target, stored_etag = call.target, s3xml.text(root, "ETag").strip('"')
            modified = parse_listed_time(s3xml.text(root, "LastModified"))
            view = logical_view(manifest, target, modified)
            seen = ObjectState.of_write(response.headers, stored_etag, call.elapsed_s)
            self._storage.index.put(target.bucket, target.key, seen, view)
            body = copy_result.described(root, manifest.etag, view.modified)
        return _answer(call, shown, body)

    async def _copy_part(
        self, call: Call, request: Request, source: ManagedObject
    ) -> web.StreamResponse:
        """Upload a range of the restored object as a part."""
        wanted = copy_source.source_range(call.headers.get(copy_source.RANGE), source.manifest.size)
        served, etag = await file_of(self._parts, _of_source(call), source)
        if etag != source.manifest.etag:
            copy_source.check_conditions(call.headers, source.identity(etag))
        upload = await _part(request, bytes(served[wanted.start : wanted.stop]))
        async with call.client.send(upload) as response:
            if response.status != HTTPStatus.OK:
                return await self._plain.answer(call, response)
            shown = headers.client_metadata(response.headers.items())
        self._storage.copied.put(call.parameters["uploadId"], source)
        etag = shown.popone("ETag", "")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        body = s3xml.document("CopyPartResult", {"LastModified": now, "ETag": etag})
        return _answer(call, shown, body)


def _check_same_credentials(call: Call, source: Target) -> None:
    """Check that the store judges a source that cannot be seen by the credentials of the source.

    It copies with those of the destination, which may read what those of the source may not.

    Raises:
        S3Error: AccessDenied; policies name different credentials for source and destination.
    """
    if call.source is None:
        return
    if call.source.for_request(source, "") != call.source.for_request(call.target, ""):
        raise S3Error("AccessDenied")


def _of_source(call: Call) -> ObjectClient:
    """Return the client for requests about the source."""
    along = copy_source.owner_headers(call.headers, call.client.passed_along)
    return call.client.altered(passed_along=along)


async def _part(request: Request, data: bytes) -> Request:
    """Return an UploadPart with the given bytes, in place of an UploadPartCopy."""
    return replace(
        request,
        headers=copy_source.removed(request.headers),
        body=data,
        length=len(data),
        payload_hash=await sha256_hex(data),
    )


def _translated(
    sent_headers: Mapping[str, str], source: ManagedObject, seals: Seals
) -> CIMultiDict[str]:
    changed = headers.without(sent_headers, copy_source.CONDITIONS)
    # The client's conditions hold. The store has to check that the manifest is still valid.
    changed[copy_source.IF_MATCH] = f'"{source.stored_etag}"'
    if changed.get(_DIRECTIVE, "COPY").upper() == "REPLACE":
        content_type = changed.get("Content-Type", source.manifest.content_type)
        update = {"content_type": content_type, "uploaded": None}
        note = source.manifest.model_copy(update=update)
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


def _answer(call: Call, shown: CIMultiDict[str], body: bytes) -> web.Response:
    shown["Content-Type"] = s3xml.CONTENT_TYPE
    return call.whole(shown, body)
