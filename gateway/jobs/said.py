"""What is said of an object besides its bytes, in the words of the PUT that replaces it."""

from http import HTTPStatus
from typing import Final

from multidict import CIMultiDict

from codec.reasons import Reason, Refused
from gateway.jobs.store import Denied, Seen, Store
from gateway.s3 import headers
from gateway.s3 import xml as s3xml
from gateway.s3.errors import S3Error
from gateway.storage.completed_object import described
from gateway.storage.messages import read_bounded
from gateway.storage.metadata import tagging
from gateway.storage.upstream import Request

_MAX_BYTES: Final = 1 << 16

# Classes that give nothing to a GET; to write into them anew is charged, too.
_ARCHIVES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})

# Stores that know no tags or ACLs, or say of an object without tags that it has none.
_NONE: Final = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
)

# Amazon S3 API reference, PutObject; WRITE means nothing for objects.
_GRANT_HEADERS: Final = {
    "FULL_CONTROL": "x-amz-grant-full-control",
    "READ": "x-amz-grant-read",
    "READ_ACP": "x-amz-grant-read-acp",
    "WRITE_ACP": "x-amz-grant-write-acp",
}


def replaceable(seen: Seen) -> CIMultiDict[str]:
    """Say what the headers of an object say, but for a manifest.

    Raises:
        Refused: Its bytes are not ours to change, or not everything can be said again.
    """
    said = described(seen.headers)
    if "x-amz-missing-meta" in seen.headers:
        raise Refused(Reason.UNSAYABLE)
    if any(name.lower().startswith(_CUSTOMER_KEY) for name in seen.headers):
        raise Refused(Reason.CUSTOMER_KEY)
    if seen.headers.get("x-amz-storage-class") in _ARCHIVES:
        raise Refused(Reason.ARCHIVED)
    said.popall(headers.MANIFEST, None)
    return said


_CUSTOMER_KEY: Final = "x-amz-server-side-encryption-customer-"


async def everything(store: Store, seen: Seen) -> CIMultiDict[str]:
    """Say of an object what its headers, tags and ACL say.

    Raises:
        Refused: As :func:`replaceable`, or it is shared in a way that cannot be repeated.
        Denied: Tags or ACL cannot be read.
        S3Error: ServiceUnavailable when the store does not answer.
    """
    said = replaceable(seen)
    acl = await _ask(store, seen, "acl")
    said.update(_grants(acl) if acl is not None else {})
    tags = await _ask(store, seen, "tagging")
    said.update(tagging(tags) if tags is not None else {})
    return said


async def _ask(store: Store, seen: Seen, what: str) -> s3xml.Element | None:
    async with store.send(Request("GET", seen.target, what)) as response:
        if response.status in _NONE:
            return None
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise S3Error("ServiceUnavailable")
        if response.status != HTTPStatus.OK:
            raise Denied(f"its {what} cannot be read ({response.status}): allow this key to")
        return s3xml.parse(await read_bounded(response, _MAX_BYTES))


def _grants(acl: s3xml.Element) -> dict[str, str]:
    """Say an ACL in headers; none for that of a private object, which is the default."""
    owner = next((s3xml.text(e, "ID") for e in acl if s3xml.name(e) == "Owner"), "")
    grants = [_grant(e) for e in acl.iter() if s3xml.name(e) == "Grant"]
    if grants == [("FULL_CONTROL", f'id="{owner}"')]:
        return {}
    said: dict[str, list[str]] = {}
    for permission, grantee in grants:
        if permission not in _GRANT_HEADERS or '=""' in grantee:
            raise Refused(Reason.ACL)
        said.setdefault(_GRANT_HEADERS[permission], []).append(grantee)
    return {name: ", ".join(grantees) for name, grantees in said.items()}


def _grant(grant: s3xml.Element) -> tuple[str, str]:
    grantee = next((e for e in grant if s3xml.name(e) == "Grantee"), grant)
    kind = "uri" if s3xml.text(grantee, "URI") else "id"
    name = s3xml.text(grantee, kind.upper())
    safe = name.isascii() and name.isprintable() and '"' not in name
    return s3xml.text(grant, "Permission"), f'{kind}="{name if safe else ""}"'
