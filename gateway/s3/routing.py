"""Find bucket, key and operation of a request."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from slimgate.gateway.s3.bucket_name import check_bucket_name
from slimgate.gateway.s3.canonical import canonical_path
from slimgate.gateway.s3.errors import S3Error

MAX_KEY_BYTES: Final = 1024
"""Longest key in UTF-8: S3 user guide, "Creating object key names"."""

# RFC 3986, section 3.2.2, without user information and percent escapes.
_HOST: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*)(?::[0-9]{0,5})?")


@dataclass(frozen=True, slots=True)
class Target:
    """The bucket and key of a request.

    Attributes:
        bucket: Valid bucket name; empty for requests to the service.
        key: Decoded key, bytes that are not UTF-8 as surrogates; empty for bucket requests.
        quoted_key: Key, percent-encoded as S3 signs it.

    Raises:
        S3Error: InvalidBucketName.
    """

    bucket: str
    key: str
    quoted_key: str

    def __post_init__(self) -> None:
        if self.bucket:
            check_bucket_name(self.bucket)

    @property
    def path(self) -> str:
        """Return the path-style path, percent-encoded."""
        if not self.bucket:
            return "/"
        bucket = quote(self.bucket, safe="")
        return f"/{bucket}/{self.quoted_key}" if self.quoted_key else f"/{bucket}"


def locate(raw_path: str, host: str, domains: Collection[str]) -> Target:
    """Return the target of a request in path style or virtual-host style.

    Args:
        raw_path: Path as sent: percent-encoded, without query.
        host: Host header, with or without a port.
        domains: Base domains; ``bucket.domain`` is a virtual host.

    Raises:
        S3Error: InvalidBucketName; InvalidURI for an invalid path, a broken percent escape, or a
            key without a bucket; BadRequest for an invalid Host header.
    """
    if not _HOST.fullmatch(host):
        raise S3Error("BadRequest", "The Host header must be a host name with an optional port.")
    if raw_path and not raw_path.startswith("/"):
        raise S3Error("InvalidURI", "The path must begin with a slash.")
    bucket = virtual_bucket(host, domains)
    raw_key = raw_path.removeprefix("/")
    if not bucket:
        bucket, _, raw_key = raw_key.partition("/")
    return object_target(bucket, raw_key)


def object_target(raw_bucket: str, raw_key: str) -> Target:
    """Return the target of a percent-encoded bucket and key.

    Raises:
        S3Error: InvalidURI for a broken percent escape, or a key without a bucket;
            InvalidBucketName.
    """
    if raw_key and not raw_bucket:
        raise S3Error("InvalidURI", "The path has a key but no bucket.")
    quoted_key = canonical_path(raw_key) if raw_key else ""
    quoted_bucket = canonical_path(raw_bucket) if raw_bucket else ""
    return Target(_unquoted(quoted_bucket), _unquoted(quoted_key), quoted_key)


def key_target(bucket: str, key: str) -> Target:
    """Return the target of a decoded bucket and key."""
    return Target(bucket, key, quote(key, safe="/", errors="surrogateescape"))


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and "]" not in port else host).lower()


def virtual_bucket(host: str, domains: Collection[str]) -> str:
    """Return the bucket in a Host header; empty if there is none."""
    host = _without_port(host)
    for domain in sorted(domains, key=len, reverse=True) if len(domains) > 1 else domains:
        if host.endswith(f".{domain.lower()}"):
            return host[: -len(domain) - 1]
    return ""


def _unquoted(quoted: str) -> str:
    if "%" not in quoted:
        return quoted
    return unquote_to_bytes(quoted).decode("utf-8", "surrogateescape")


# Sub-resources and parameters that select another operation than the plain GET, HEAD, PUT, POST or
# DELETE: Amazon S3 API reference, "Request Syntax" of each operation.
_OBJECT_SUBRESOURCES: Final = frozenset(
    {
        "acl", "attributes", "encryption", "legal-hold", "renameObject", "restore", "retention",
        "select", "tagging", "torrent", "uploadId", "uploads",
    }
)  # fmt: skip
_BUCKET_SUBRESOURCES: Final = frozenset(
    {
        "accelerate", "acl", "analytics", "cors", "encryption", "intelligent-tiering", "inventory",
        "lifecycle", "location", "logging", "metadataConfiguration", "metadataTable", "metrics",
        "notification", "object-lock", "ownershipControls", "policy", "policyStatus",
        "publicAccessBlock", "replication", "requestPayment", "session", "tagging", "uploads",
        "versioning", "website",
    }
)  # fmt: skip


_BY_PARAMETER: Final = {
    ("GET", "attributes"): "GetObjectAttributes",
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
}
_SELECTING: Final = tuple(dict.fromkeys(parameter for _, parameter in _BY_PARAMETER))
_PLAIN: Final = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject"}


def operation(method: str, target: Target, query: Collection[str], copies: bool) -> str:
    """Return the name of the S3 operation, as far as the gateway distinguishes it.

    Args:
        method: HTTP method.
        target: Bucket and key.
        query: Names of the query parameters.
        copies: Whether the request has a copy source.

    Returns:
        ``GetObject``, ``HeadObject``, ``PutObject``, ``CopyObject`` (also UploadPartCopy),
        ``CreateMultipartUpload``, ``CompleteMultipartUpload``, ``GetObjectAttributes``,
        ``PostObject``, ``ListObjects`` (v1, v2 and versions) or ``Other``.
    """
    if target.key:
        return _object_operation(method, query, copies)
    if method == "POST" and target.bucket and not query:
        return "PostObject"
    if method == "GET" and target.bucket and _BUCKET_SUBRESOURCES.isdisjoint(query):
        return "ListObjects"
    return "Other"


def _object_operation(method: str, query: Collection[str], copies: bool) -> str:
    if copies and method == "PUT":
        return "CopyObject"
    for parameter in _SELECTING:
        if parameter in query:
            return _BY_PARAMETER.get((method, parameter), "Other")
    if _OBJECT_SUBRESOURCES.isdisjoint(query):
        return _PLAIN.get(method, "Other")
    return "Other"
