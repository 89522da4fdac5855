"""Object metadata, as headers of the PUT that replaces the object."""

from collections.abc import Mapping
from typing import Final

from multidict import CIMultiDict

from slimgate.codec.reasons import Reason, Refused
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.access_control import Acl, Unrepeatable, tagging_headers
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.object_client import ObjectClient

_CONTEXT: Final = "x-amz-server-side-encryption-context"
_GRANTING: Final = ("x-amz-acl", "x-amz-grant-", _CONTEXT)

CREATED_WITH: Final = (*_GRANTING, "x-amz-tagging")
"""Prefixes of CreateMultipartUpload headers that GET does not return."""

# Headers that GET returns and PUT accepts.
_REPEATED: Final = frozenset(
    {
        "cache-control", "content-disposition", "content-encoding", "content-language",
        "content-type", "expires", "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-bucket-key-enabled", "x-amz-storage-class",
        "x-amz-website-redirect-location",
    }
)  # fmt: skip

# Classes that GET cannot read; writing to them again costs money.
_ARCHIVES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})


def granted(sent: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a write that share the object, or encrypt it in a context.

    Args:
        sent: Request headers, case-insensitive.
    """
    return {name: value for name, value in sent.items() if name.lower().startswith(_GRANTING)}


def is_archived(described: Mapping[str, str]) -> bool:
    """Return whether headers name a storage class that GET cannot read.

    Args:
        described: Headers of a request or a response, case-insensitive.
    """
    return described.get("x-amz-storage-class") in _ARCHIVES


def has_hidden_context(sent: Mapping[str, str]) -> bool:
    """Return whether an object is encrypted in a context, which no response of the store shows.

    Args:
        sent: Request headers of the upload, case-insensitive.
    """
    return _CONTEXT in sent


def repeated(answered: Mapping[str, str]) -> CIMultiDict[str]:
    """Return PUT headers that repeat those of an object, except the manifest.

    Args:
        answered: Response headers of GET or HEAD.

    Raises:
        Refused: The object is locked, encoded, archived, encrypted with a customer key, or has
            metadata that headers cannot represent.
    """
    names = [name.lower() for name in answered]
    if any(name.startswith("x-amz-object-lock-") for name in names):
        raise Refused(Reason.OBJECT_LOCK)
    if headers.is_encoded(answered):
        raise Refused(Reason.ENCODED)
    if "x-amz-missing-meta" in names:
        raise Refused(Reason.UNSAYABLE)
    if any(name.startswith("x-amz-server-side-encryption-customer-") for name in names):
        raise Refused(Reason.CUSTOMER_KEY)
    if is_archived(answered):
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
    """Return PUT headers that repeat headers, tags and ACL of an object.

    Args:
        client: Client of the store.
        target: Bucket and key.
        answered: Response headers of GET or HEAD.

    Raises:
        Refused: As :func:`repeated`, or the ACL cannot be repeated.
        Denied: Tags or ACL cannot be read.
        S3Error: ServiceUnavailable if the store does not respond.
    """
    kept = repeated(answered)
    kept.update(_grants(await client.acl(target)))
    kept.update(tagging_headers(await client.tags(target)))
    return kept


async def tags_of_private(
    client: ObjectClient, target: Target, version_id: str | None
) -> Mapping[str, str]:
    """Return PUT headers that repeat the tags of a private object.

    Raises:
        Refused: The object is shared.
        Denied: Tags or ACL cannot be read.
        S3Error: ServiceUnavailable if the store does not respond.
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
