"""What a store keeps of an object besides its bytes, as headers of the PUT that replaces it."""

from collections.abc import Mapping
from typing import Final

from multidict import CIMultiDict

from codec.reasons import Reason, Refused
from gateway.s3 import headers
from gateway.s3.access_control import Acl, Unrepeatable, tagging_headers
from gateway.s3.routing import Target
from gateway.storage.object_client import ObjectClient

CREATED_WITH: Final = ("x-amz-acl", "x-amz-grant-", "x-amz-tagging")
"""Headers of CreateMultipartUpload that begin so are told by no GET of the object."""

# What the answer to a GET says of an object, and a PUT can say again.
_REPEATED: Final = frozenset(
    {
        "cache-control", "content-disposition", "content-encoding", "content-language",
        "content-type", "expires", "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-bucket-key-enabled", "x-amz-storage-class",
        "x-amz-website-redirect-location",
    }
)  # fmt: skip

# Classes that give nothing to a GET; to write into them anew is charged, too.
_ARCHIVES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})


def repeated(answered: Mapping[str, str]) -> CIMultiDict[str]:
    """Return the headers of a PUT that repeat those of an object, except for a manifest.

    Args:
        answered: Headers of the answer to GET or HEAD.

    Raises:
        Refused: The object is locked, encoded, archived or encrypted with the customer's key, or
            has metadata that no header can hold.
    """
    names = [name.lower() for name in answered]
    if any(name.startswith("x-amz-object-lock-") for name in names):
        raise Refused(Reason.OBJECT_LOCK)
    if answered.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(Reason.ENCODED)
    if "x-amz-missing-meta" in names:
        raise Refused(Reason.UNSAYABLE)
    if any(name.startswith("x-amz-server-side-encryption-customer-") for name in names):
        raise Refused(Reason.CUSTOMER_KEY)
    if answered.get("x-amz-storage-class") in _ARCHIVES:
        raise Refused(Reason.ARCHIVED)
    return CIMultiDict(
        (name, value)
        for name, value in answered.items()
        if (name.lower() in _REPEATED or name.lower().startswith("x-amz-meta-"))
        and name.lower() != headers.MANIFEST
    )


async def everything(
    client: ObjectClient, target: Target, answered: Mapping[str, str]
) -> CIMultiDict[str]:
    """Return the headers of a PUT that repeat headers, tags and ACL of an object.

    Args:
        client: On whose behalf.
        target: Which object.
        answered: Headers of the answer to GET or HEAD.

    Raises:
        Refused: As :func:`repeated`, or the ACL cannot be repeated.
        Denied: Tags or ACL cannot be read.
        S3Error: ServiceUnavailable when the store does not answer.
    """
    kept = repeated(answered)
    kept.update(_grants(await client.acl(target)))
    kept.update(tagging_headers(await client.tags(target)))
    return kept


async def tags_of_private(
    client: ObjectClient, target: Target, version_id: str | None
) -> Mapping[str, str]:
    """Return the headers of a PUT that repeat the tags of an object that is shared with nobody.

    Raises:
        Refused: It is shared.
        Denied: Tags or ACL cannot be read.
        S3Error: ServiceUnavailable when the store does not answer.
    """
    acl = await client.acl(target, version_id)
    if acl is not None and not acl.is_private:
        raise Refused(Reason.ACL)
    return tagging_headers(await client.tags(target, version_id))


def _grants(acl: Acl | None) -> Mapping[str, str]:
    try:
        return {} if acl is None else acl.headers()
    except Unrepeatable as error:
        raise Refused(Reason.ACL) from error
