"""Verify presigned URLs of Signature Version 2: what boto3 makes for endpoints that are not AWS.

Source: Amazon S3 developer guide, "Signing and authenticating REST requests", query string request
authentication alternative. Version 2 in the Authorization header is not supported: no current
client sends it.
"""

import base64
import datetime
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.canonical import fold_headers, query_pairs
from gateway.errors import S3Error
from gateway.sigv4 import UNSIGNED_PAYLOAD, Verified, WireRequest, check_payload_hash

PARAMETERS: Final = frozenset({"AWSAccessKeyId", "Signature", "Expires"})

# Parameters that are signed as a part of the resource; all others are not signed at all.
_SIGNED_PARAMETERS: Final = frozenset(
    {
        "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory",
        "lifecycle", "location", "logging", "metrics", "notification", "object-lock", "partNumber",
        "policy", "replication", "requestPayment", "response-cache-control",
        "response-content-disposition", "response-content-encoding", "response-content-language",
        "response-content-type", "response-expires", "restore", "select", "select-type",
        "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning",
        "versions", "website",
    }
)  # fmt: skip
_BODY_HEADERS: Final = ("content-md5", "content-type")
_MAX_DIGITS: Final = 15


def is_presigned(raw_query: str) -> bool:
    """Tell whether a query has all parameters of a URL presigned with version 2."""
    # Nearly all queries are told by the first look.
    if "AWSAccessKeyId" not in raw_query:
        return False
    return {part.partition("=")[0] for part in raw_query.split("&")} >= PARAMETERS


def verify(
    request: WireRequest, bucket: str, secrets: Mapping[str, str], now: datetime.datetime
) -> Verified:
    """Verify a presigned URL.

    Args:
        request: The head of the request as received.
        bucket: The bucket that stands in the host name; empty when it stands in the path.
        secrets: Access key to secret key.
        now: The time of this server, aware.

    Raises:
        S3Error: AccessDenied when it is expired or malformed, InvalidAccessKeyId,
            SignatureDoesNotMatch, or InvalidArgument when there is another signature, too.
    """
    headers = fold_headers(request.headers)
    if "authorization" in headers:
        raise S3Error("InvalidArgument", "Only one auth mechanism allowed")
    pairs = query_pairs(request.raw_query)
    claimed = {name: value for name, value in pairs if name in PARAMETERS}
    _check_expiry(claimed["Expires"], now)
    secret = secrets.get(claimed["AWSAccessKeyId"])
    if secret is None:
        raise S3Error("InvalidAccessKeyId")
    resource = f"/{bucket}{request.raw_path}" if bucket else request.raw_path
    signed = _signed_headers(headers, pairs)
    text = _string_to_sign(request.method, resource, signed, pairs)
    digest = hmac.new(secret.encode(), text.encode("utf-8", "surrogateescape"), hashlib.sha1)
    expected = base64.b64encode(digest.digest())
    if not hmac.compare_digest(expected, claimed["Signature"].encode("utf-8", "surrogateescape")):
        raise S3Error("SignatureDoesNotMatch")
    payload_hash = check_payload_hash(signed.get("x-amz-content-sha256", UNSIGNED_PAYLOAD))
    if payload_hash.startswith("STREAMING-AWS4"):
        raise S3Error("InvalidRequest", "Signed chunks need Signature Version 4.")
    return Verified(claimed["AWSAccessKeyId"], payload_hash, presigned=True, chunks=None)


def _check_expiry(expires: str, now: datetime.datetime) -> None:
    if not (expires.isascii() and expires.isdigit()) or len(expires) > _MAX_DIGITS:
        raise S3Error("AccessDenied", f"Invalid date (should be seconds since epoch): {expires}")
    if int(expires) < now.timestamp():
        raise S3Error("AccessDenied", "Request has expired")


def _signed_headers(headers: Mapping[str, str], pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Collect what is signed as headers; a URL may carry them as parameters."""
    carried = [*((name.lower(), value) for name, value in pairs), *headers.items()]
    return {n: v for n, v in carried if n.startswith("x-amz-") or n in _BODY_HEADERS}


def _string_to_sign(
    method: str, resource: str, headers: Mapping[str, str], pairs: Sequence[tuple[str, str]]
) -> str:
    parameters = dict(pairs)
    lines = [method, *(headers.get(name, "") for name in _BODY_HEADERS), parameters["Expires"]]
    lines += [f"{n}:{v}" for n, v in sorted(headers.items()) if n.startswith("x-amz-")]
    signed = sorted((n, v) for n, v in pairs if n in _SIGNED_PARAMETERS)
    query = "&".join(f"{name}={value}" if value else name for name, value in signed)
    return "\n".join([*lines, f"{resource}?{query}" if query else resource])
