"""GetObjectAttributes: what is said of a managed object is what was uploaded."""

from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from gateway.exchange import Exchange
from gateway.relay import pass_through, whole
from gateway.s3 import headers
from gateway.s3 import xml as s3xml
from gateway.storage.stored_object import Found, look

_WANTED: Final = "x-amz-object-attributes"
_DEFAULT_CLASS: Final = "STANDARD"  # S3 leaves the header out for it


async def get_attributes(exchange: Exchange) -> web.StreamResponse:
    """Serve GetObjectAttributes."""
    storage, version_id = exchange.storage, exchange.parameters.get("versionId")
    found = await look(exchange.store, exchange.target, version_id, storage.seals, storage.index)
    if found is None:
        return await pass_through(exchange)
    wanted = exchange.headers.getall(_WANTED, [])
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
    shown["Content-Type"] = s3xml.CONTENT_TYPE
    return whole(exchange, shown, body)


def _attributes(found: Found) -> dict[str, str]:
    """List what is known; parts and checksums would be those of the rendition."""
    return {
        "ETag": found.manifest.etag,  # without quotes, unlike everywhere else
        "StorageClass": found.upstream.get("x-amz-storage-class", _DEFAULT_CLASS),
        "ObjectSize": str(found.manifest.size),
    }
