"""The request that stores a rendition instead of the upload."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from multidict import CIMultiDict

from slimgate.codec.encoders import mime_of
from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.digests import sha256_hex
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.messages import Request

_MAX_USER_METADATA: Final = 2048  # bytes of keys and values together, S3 user guide
_META: Final = "x-amz-meta-"


async def stored_request(request: Request, optimized: Optimized, seals: Seals) -> Request:
    """Return the request that stores a rendition.

    Args:
        request: Request that would store the image, with all metadata.
        optimized: The rendition.
        seals: Write the manifest.

    Raises:
        Refused: The manifest does not fit into the metadata.
    """
    try:
        note = seals.write(optimized.manifest)
    except ValueError as error:
        raise Refused(Reason.MANIFEST, str(error)) from error
    kept = headers.without_body_digests(request.headers)
    kept["Content-Type"] = mime_of(optimized.manifest.stored.codec)
    kept[headers.MANIFEST] = note
    if _user_metadata(kept) > _MAX_USER_METADATA:
        raise Refused(Reason.METADATA)
    return replace(
        request,
        headers=CIMultiDict(kept),
        body=optimized.rendition,
        length=len(optimized.rendition),
        payload_hash=await sha256_hex(optimized.rendition),
    )


def _user_metadata(kept: Mapping[str, str]) -> int:
    return sum(
        len(name) - len(_META) + len(value.encode())
        for name, value in kept.items()
        if name.lower().startswith(_META)
    )
