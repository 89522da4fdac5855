"""GetObjectAttributes: managed objects are described as uploaded."""

from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from slimgate.gateway.handlers.call import Call
from slimgate.gateway.handlers.passthrough import PassThrough
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.storage.storage import Storage
from slimgate.gateway.storage.stored_object import ManagedObject, look_up

_WANTED: Final = "x-amz-object-attributes"
_DEFAULT_CLASS: Final = "STANDARD"  # S3 omits the header for it


class GetAttributes:
    """Handle GetObjectAttributes.

    Args:
        storage: The store.
        plain: Handles plain objects.
    """

    def __init__(self, storage: Storage, plain: PassThrough) -> None:
        self._storage = storage
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Handle a request."""
        storage, version_id = self._storage, call.parameters.get("versionId")
        found = await look_up(call.client, call.target, version_id, storage.seals, storage.index)
        if found is None:
            return await self._plain(call)
        wanted = call.headers.getall(_WANTED, [])
        names = {name.strip() for value in wanted for name in value.split(",")}
        known = _attributes(found)
        body = s3xml.document(
            "GetObjectAttributesResponse", {k: v for k, v in known.items() if k in names}
        )
        shown = CIMultiDict(
            (name, value)
            for name, value in headers.client_metadata(found.upstream.items()).items()
            if name.lower() in {"last-modified", "x-amz-version-id", "x-amz-request-id"}
        )
        shown.update(found.last_modified)
        shown["Content-Type"] = s3xml.CONTENT_TYPE
        return call.whole(shown, body)


def _attributes(found: ManagedObject) -> dict[str, str]:
    """Return the known attributes; parts and checksums would be those of the rendition."""
    return {
        "ETag": found.manifest.etag,  # without quotes, unlike everywhere else
        "StorageClass": found.upstream.get("x-amz-storage-class", _DEFAULT_CLASS),
        "ObjectSize": str(found.manifest.size),
    }
