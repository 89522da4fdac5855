"""Reuse the rendition of a managed object copied in parts: copying must not cost fidelity."""

from collections.abc import Mapping

from slimgate.codec.optimize import Optimized
from slimgate.gateway.s3.digests import sha256_hex
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.multipart_state import MultipartState
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.stored_object import ManagedObject, read_rendition


async def known_rendition(
    client: ObjectClient,
    copied: MultipartState[ManagedObject],
    upload_id: str,
    headers: Mapping[str, str],
    data: bytes,
) -> Optimized | None:
    """Return the rendition that a completed object was restored from, if known.

    Args:
        client: Client of the store, for the caller who completes the upload.
        copied: Sources of uploads in progress.
        upload_id: Upload ID; its source is removed.
        headers: Headers of the completed object, case-insensitive.
        data: Content of the completed object.

    Returns:
        The rendition with its manifest if the source is unchanged; else None.
    """
    content_type = headers.get("Content-Type")
    source = copied.take(upload_id) if content_type else None
    if source is None or await sha256_hex(data) != source.manifest.sha256:
        return None
    try:
        rendition = await read_rendition(client, source)
    except S3Error:
        return None  # replaced or deleted: optimize the copy like any upload
    manifest = source.manifest.model_copy(update={"content_type": content_type})
    return Optimized(rendition, manifest, ())
