"""A managed object that is copied in parts keeps its rendition: copying must not cost fidelity."""

from codec.optimize import Optimized
from gateway.exchange import Exchange
from gateway.s3.digests import sha256_hex
from gateway.s3.errors import S3Error
from gateway.storage.stored_object import Found, read_rendition

_UPLOAD_ID = "uploadId"


def remember_source(exchange: Exchange, source: Found) -> None:
    """Note that a part of the upload in this request comes from a managed object."""
    exchange.storage.copied.put(exchange.parameters[_UPLOAD_ID], source)


async def reuse(exchange: Exchange, data: bytes, content_type: str) -> Optimized | None:
    """Give the rendition that the completed object is already known to have been restored from.

    Args:
        exchange: The request that completes the upload.
        data: What the upload has become.
        content_type: As the client gave it.

    Returns:
        The rendition with its manifest, as long as the source is unchanged; None otherwise.
    """
    source: Found | None = exchange.storage.copied.take(exchange.parameters[_UPLOAD_ID])
    if source is None or await sha256_hex(data) != source.manifest.sha256:
        return None
    try:
        rendition = await read_rendition(exchange.store, source)
    except S3Error:
        return None  # replaced or removed meanwhile: the copy is optimized like any upload
    manifest = source.manifest.model_copy(update={"content_type": content_type})
    return Optimized(rendition, manifest, ())
