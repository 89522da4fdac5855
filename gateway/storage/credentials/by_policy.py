"""Sign each request with the credentials of the policy that its object falls under."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from slimgate.config import Policies, UpstreamCredentials
from slimgate.gateway.s3.identity import CredentialSource, Identity
from slimgate.gateway.s3.routing import Target

_PREFIX: Final = "prefix="

# Amazon S3 API reference: ListObjects, ListObjectsV2, ListObjectVersions, ListMultipartUploads; and
# x-id of the SDK for JavaScript. With any other parameter it may be another operation.
_OF_LISTINGS: Final = frozenset(
    {
        "continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker",
        "list-type", "marker", "max-keys", "max-uploads", "prefix", "start-after",
        "upload-id-marker", "uploads", "version-id-marker", "versions", "x-id",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ByPolicy:
    """The credentials of a caller, unless a policy names others for the object.

    A listing counts as its prefix: all that it shows begins with that. Other requests about a
    bucket count as an object with an empty key.

    Attributes:
        own: Credentials of the caller.
        policies: Policies in force.
        source: Returns where the credentials of a policy come from.
    """

    own: CredentialSource
    policies: Policies
    source: Callable[[UpstreamCredentials], CredentialSource]

    @property
    def is_renewable(self) -> bool:
        """Return whether the caller's own credentials can be renewed."""
        return self.own.is_renewable

    @property
    def depends_on_keys(self) -> bool:
        """Return whether any policy names credentials."""
        return self.policies.name_credentials

    def for_request(self, target: Target, query: str) -> CredentialSource:
        """Return the source that signs a request; see :class:`CredentialSource`."""
        if not self.policies.name_credentials:
            return self.own
        policy = self.policies.match(target.bucket, target.key or _listed_prefix(query))
        if policy is None or policy.upstream is None:
            return self.own
        return self.source(policy.upstream)

    async def current(self) -> Identity:
        """Return the caller's own credentials."""
        return await self.own.current()

    async def renewed(self, rejected: Identity) -> Identity | None:
        """Return other ones of the caller's own."""
        return await self.own.renewed(rejected)


def _listed_prefix(query: str) -> str:
    """Return the prefix that a listing is limited to; empty: none, or it is no listing."""
    parts = list(filter(None, query.split("&")))
    if any(part.partition("=")[0] not in _OF_LISTINGS for part in parts):
        return ""
    values = [part.removeprefix(_PREFIX) for part in parts if part.startswith(_PREFIX)]
    return unquote_plus(values[0], errors="surrogateescape") if len(values) == 1 else ""
