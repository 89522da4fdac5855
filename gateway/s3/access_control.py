"""ACLs and tags of objects: from the XML of a GET response to the headers of a PUT."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlencode

from slimgate.gateway.s3 import xml as s3xml

# Amazon S3 API reference, PutObject; WRITE has no meaning for objects.
_GRANT_HEADERS: Final = {
    "FULL_CONTROL": "x-amz-grant-full-control",
    "READ": "x-amz-grant-read",
    "READ_ACP": "x-amz-grant-read-acp",
    "WRITE_ACP": "x-amz-grant-write-acp",
}

Tags = Sequence[tuple[str, str]]
"""Decoded names and values."""


class Unrepeatable(ValueError):
    """A grant that PUT headers cannot express."""


class Grant(NamedTuple):
    """One grant of an ACL.

    Attributes:
        permission: Such as ``READ``.
        grantee: As in a header: ``id="…"`` or ``uri="…"``; the value is empty if no header can hold
            it.
    """

    permission: str
    grantee: str


class Acl(NamedTuple):
    """The ACL of an object.

    Attributes:
        owner: Canonical user ID; empty if the store does not state it.
        grants: In the order of the response.
    """

    owner: str
    grants: Sequence[Grant]

    @property
    def is_private(self) -> bool:
        """Return whether only the owner has access, which is the default."""
        return self.grants == [Grant("FULL_CONTROL", f'id="{self.owner}"')]

    def headers(self) -> dict[str, str]:
        """Return PUT headers that repeat the ACL; none for a private object.

        Raises:
            Unrepeatable: A grant cannot be expressed in a header.
        """
        if self.is_private:
            return {}
        grantees: dict[str, list[str]] = {}
        for permission, grantee in self.grants:
            if permission not in _GRANT_HEADERS or '=""' in grantee:
                raise Unrepeatable(permission)
            grantees.setdefault(_GRANT_HEADERS[permission], []).append(grantee)
        return {name: ", ".join(each) for name, each in grantees.items()}


def read_acl(answer: s3xml.Element) -> Acl:
    """Parse the response to GetObjectAcl."""
    owner = next((s3xml.text(e, "ID") for e in answer if s3xml.name(e) == "Owner"), "")
    return Acl(owner, [_grant(e) for e in answer.iter() if s3xml.name(e) == "Grant"])


def _grant(grant: s3xml.Element) -> Grant:
    grantee = next((e for e in grant if s3xml.name(e) == "Grantee"), grant)
    kind = "uri" if s3xml.text(grantee, "URI") else "id"
    name = s3xml.text(grantee, kind.upper())
    safe = name.isascii() and name.isprintable() and '"' not in name
    return Grant(s3xml.text(grant, "Permission"), f'{kind}="{name if safe else ""}"')


def read_tags(answer: s3xml.Element) -> Tags:
    """Parse the response to GetObjectTagging."""
    tags = [e for e in answer.iter() if s3xml.name(e) == "Tag"]
    return [(s3xml.text(tag, "Key"), s3xml.text(tag, "Value")) for tag in tags]


def tagging_headers(tags: Tags) -> dict[str, str]:
    """Return PUT headers that repeat the tags; none if there are none."""
    return {"x-amz-tagging": urlencode(tags)} if tags else {}
