"""Verify Signature Version 2, in the Authorization header and in presigned URLs.

Old clients use it (boto 2, git-annex), and boto3 presigns with it for endpoints other than
Amazon's. It is weaker than version 4: each key has to allow it.

Source: Amazon S3 developer guide, "Signing and authenticating REST requests".
"""

import base64
import datetime
import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from slimgate.gateway.s3.authorization import MAX_SKEW, is_version_4, signing_time
from slimgate.gateway.s3.canonical import query_pairs
from slimgate.gateway.s3.client_keys import ClientKeys, SigningKey, sent_token
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.sigv2_text import (
    PARAMETERS,
    check_parameters,
    signed_headers,
    texts_to_sign,
)
from slimgate.gateway.s3.sigv4 import (
    UNSIGNED_PAYLOAD,
    Verified,
    WireRequest,
    check_payload_hash,
    check_size,
)

_SCHEME: Final = "AWS "
_MAX_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class _Claim:
    """The claimed signature of a request; ``time`` is the signed date line."""

    access_key: str
    signature: str = field(repr=False)
    time: str
    presigned: bool


def is_presigned(raw_query: str) -> bool:
    """Return whether a query has all parameters of a URL presigned with version 2."""
    # A quick check that settles nearly all queries.
    if "AWSAccessKeyId" not in raw_query:
        return False
    return {part.partition("=")[0] for part in raw_query.split("&")} >= PARAMETERS


def is_claimed(request: WireRequest) -> bool:
    """Return whether a request claims a version 2 signature, in a header or in the query."""
    in_header = any(
        name.lower() == "authorization" and value.lstrip(" \t").startswith(_SCHEME)
        for name, value in request.headers
    )
    return in_header or is_presigned(request.raw_query)


def verify(request: WireRequest, bucket: str, keys: ClientKeys, now: datetime.datetime) -> Verified:
    """Verify a request that claims a version 2 signature.

    Args:
        request: Request head as received.
        bucket: Bucket in the host name; empty if it is in the path.
        keys: Keys of clients.
        now: Current time, aware.

    Raises:
        S3Error: AccessDenied if the signature is expired or malformed, RequestTimeTooSkewed,
            InvalidAccessKeyId, InvalidToken, SignatureDoesNotMatch, InvalidRequest for a key that
            does not allow version 2 and for unsigned parameters, InvalidArgument for ambiguous
            ones.
    """
    check_size(request)
    pairs = query_pairs(request.raw_query)
    presigned = is_presigned(request.raw_query)
    headers = signed_headers(request.headers, request.raw_query if presigned else "")
    if is_version_4(pairs) or presigned == ("authorization" in headers):
        raise S3Error("InvalidArgument", "Only one auth mechanism allowed")
    check_parameters(pairs, presigned=presigned)
    claim = _presigned(dict(pairs)) if presigned else _in_header(headers)
    # Signed like all x-amz- headers, also in the query.
    signing = keys.signing_key(claim.access_key, sent_token(headers.items(), pairs), now)
    _check_version(signing)
    _check_time(claim, headers, now)
    texts = texts_to_sign(
        request.method, bucket, request.raw_path, request.raw_query, headers, claim.time
    )
    if not _is_signed(texts, signing.secret, claim.signature):
        raise S3Error("SignatureDoesNotMatch")
    payload_hash = check_payload_hash(headers.get("x-amz-content-sha256", UNSIGNED_PAYLOAD))
    if payload_hash.startswith("STREAMING-AWS4"):
        raise S3Error("InvalidRequest", "Signed chunks require Signature Version 4.")
    return Verified(signing.owner, payload_hash, presigned=presigned, chunks=None)


def _presigned(query: Mapping[str, str]) -> _Claim:
    return _Claim(query["AWSAccessKeyId"], query["Signature"], query["Expires"], presigned=True)


def _in_header(headers: Mapping[str, str]) -> _Claim:
    access_key, _, signature = headers["authorization"].removeprefix(_SCHEME).rpartition(":")
    if not access_key or not signature:
        raise S3Error("InvalidArgument", 'Expecting "Authorization: AWS <access key>:<signature>".')
    # With x-amz-date, which is signed as a header, the date line is empty.
    time = "" if "x-amz-date" in headers else headers.get("date", "")
    return _Claim(access_key, signature, time, presigned=False)


def _check_time(claim: _Claim, headers: Mapping[str, str], now: datetime.datetime) -> None:
    if not claim.presigned:
        if abs(now - signing_time(headers)) > MAX_SKEW:
            raise S3Error("RequestTimeTooSkewed")
        return
    expires = claim.time
    if not (expires.isascii() and expires.isdigit()) or len(expires) > _MAX_DIGITS:
        raise S3Error("AccessDenied", f"Invalid date (should be seconds since epoch): {expires}")
    if int(expires) < now.timestamp():
        raise S3Error("AccessDenied", "Request has expired")


def _check_version(signing: SigningKey) -> None:
    if not signing.version_2:
        raise S3Error(
            "InvalidRequest",
            "This access key does not accept Signature Version 2. Please use AWS4-HMAC-SHA256 "
            "(boto3: Config(signature_version='s3v4')), or have the gateway's operator set "
            "signature_v2: true for this key in credentials.",
        )


def _is_signed(texts: Collection[str], secret: str, signature: str) -> bool:
    claimed = signature.encode("utf-8", "surrogateescape")
    expected = (
        base64.b64encode(
            hmac.digest(secret.encode(), text.encode("utf-8", "surrogateescape"), hashlib.sha1)
        )
        for text in texts
    )
    # Compare all of them: constant time.
    results = [hmac.compare_digest(one, claimed) for one in expected]
    return any(results)
