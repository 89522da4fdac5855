"""The plain object that a multipart upload has become: recognized, described, and removed."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from multidict import CIMultiDict

from codec.reasons import Reason, Refused
from gateway.exchange import Exchange
from gateway.relay import sent
from gateway.s3 import headers
from gateway.s3 import xml as s3xml
from gateway.storage.stored_object import request_for

# What the answer to a GET says of an object, and a PUT can say again.
_SAID_AGAIN: Final = frozenset(
    {
        "cache-control", "content-disposition", "content-encoding", "content-language",
        "content-type", "expires", "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-bucket-key-enabled", "x-amz-storage-class",
        "x-amz-website-redirect-location",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plain:
    """The object as the upstream completed it.

    Attributes:
        etag: Without quotes.
        version_id: None in a bucket without versions.
    """

    etag: str
    version_id: str | None

    @property
    def outlives_replacement(self) -> bool:
        """Return whether a new version leaves this one in the bucket.

        The version ``null`` of a bucket without or with suspended versioning is replaced itself:
        to remove it then would remove the rendition.
        """
        return self.version_id not in {None, "null"}


async def completed(exchange: Exchange, result: s3xml.Element, version_id: str | None) -> Plain:
    """Find out which object an upload has become.

    Ceph before release 17 answers CompleteMultipartUpload with an empty ETag; it is then asked for
    the object. Whatever another client has written meanwhile is only ever replaced by its own
    rendition, and a rendition by nothing.

    Args:
        exchange: The request that completed the upload.
        result: The answer, parsed.
        version_id: As the answer's headers give it.

    Raises:
        Refused: It cannot be found out.
    """
    etag = s3xml.text(result, "ETag").strip('"')
    if etag:
        return Plain(etag, version_id)
    async with sent(exchange, request_for(exchange, "HEAD", exchange.target, version_id)) as head:
        etag = headers.bare_etag(head.headers)
        # Only the ETag of an upload in parts has a dash.
        if head.status != HTTPStatus.OK or headers.MANIFEST in head.headers or "-" not in etag:
            raise Refused(Reason.UNKNOWN_RESULT)
        return Plain(etag, head.headers.get("x-amz-version-id", version_id))


def described(answered: Mapping[str, str]) -> CIMultiDict[str]:
    """Say of the rendition what the upstream says of the plain object.

    Args:
        answered: Headers of the answer to a GET.

    Raises:
        Refused: The object is locked or encoded; its bytes are not ours to change.
    """
    if any(name.lower().startswith("x-amz-object-lock-") for name in answered):
        raise Refused(Reason.OBJECT_LOCK)
    if answered.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(Reason.ENCODED)
    return CIMultiDict(
        (name, value)
        for name, value in answered.items()
        if name.lower() in _SAID_AGAIN or name.lower().startswith("x-amz-meta-")
    )
