"""Verify AWS Signature Version 4, in the Authorization header and in presigned URLs.

Source: Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)".
"""

import datetime
import functools
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cachetools import FIFOCache

from gateway.s3.authorization import ALGORITHM, MAX_SKEW, SIGNATURE_PARAMETER, Claim, read_claim
from gateway.s3.canonical import canonical_request, check_printable, fold_headers, query_pairs
from gateway.s3.errors import S3Error

UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
STREAMING_UNSIGNED_TRAILER: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING_SIGNED: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"

_SIGNED_STREAMS: Final = frozenset({STREAMING_SIGNED, STREAMING_SIGNED_TRAILER})
_SHA256_HEX: Final = re.compile(r"[0-9A-Fa-f]{64}")
PAYLOAD_WORDS: Final = _SIGNED_STREAMS | {UNSIGNED_PAYLOAD, STREAMING_UNSIGNED_TRAILER}
"""What x-amz-content-sha256 may be instead of a digest."""

_CONTENT_HASH: Final = "x-amz-content-sha256"
# Parameters that hold a key, or the beginning of one.
_OF_KEYS: Final = frozenset(
    {"continuation-token", "delimiter", "key-marker", "marker", "prefix", "start-after"}
)
_MAX_HEADERS: Final = 256
_MAX_REQUEST_CHARS: Final = 65_536
_MAX_KNOWN: Final = 1024
_MAX_KNOWN_CHARS: Final = 2048


@dataclass(frozen=True, slots=True)
class WireRequest:
    """The head of a request, exactly as received; octets beyond UTF-8 are escaped surrogates.

    Attributes:
        method: The HTTP method.
        raw_path: The path, still percent-encoded.
        raw_query: The query, still percent-encoded, without the question mark.
        headers: Names and values in the order received.
    """

    method: str
    raw_path: str
    raw_query: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChunkKey:
    """What it takes to verify the signed chunks of a body.

    Attributes:
        signing_key: The derived key of this day, region and service.
        timestamp: The time of the request as it was signed.
        scope: The credential scope without the access key.
        seed_signature: The signature of the request's head, with which the chain begins.
    """

    signing_key: bytes = field(repr=False)
    timestamp: str
    scope: str
    seed_signature: str = field(repr=False)

    def sign(self, kind: str, *parts: str) -> str:
        """Sign one link of the chain and give the signature as hexadecimal digits."""
        return _hmac(self.signing_key, "\n".join((kind, self.timestamp, self.scope, *parts))).hex()


@dataclass(frozen=True, slots=True)
class Verified:
    """A request whose signature is right.

    Attributes:
        access_key: Who signed it.
        payload_hash: The value declared for the body: 64 hexadecimal digits or one of the words.
        presigned: The signature came in the query.
        chunks: The key for a body in signed chunks; None for every other body.
    """

    access_key: str
    payload_hash: str
    presigned: bool
    chunks: ChunkKey | None


def verify(
    request: WireRequest, secrets: Mapping[str, str], now: datetime.datetime
) -> Verified | None:
    """Verify the signature of a request.

    Args:
        request: The head of the request as received.
        secrets: Access key to secret key.
        now: The time of this server, aware.

    Returns:
        Who signed what, or None when the request carries no signature at all (anonymous).

    Raises:
        S3Error: The signature is wrong, too old, of an unknown key, incomplete or malformed, with
            the code and status that S3 gives.
    """
    found = _verified(request, secrets, now)
    return None if found is None else found[0]


class Verifier:
    """Verify signatures, and remember those of presigned URLs, which are used again and again.

    Args:
        secrets: Access key to secret key.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets
        self._known: FIFOCache[WireRequest, tuple[Verified, Claim]] = FIFOCache(_MAX_KNOWN)

    def verify(self, request: WireRequest, now: datetime.datetime) -> Verified | None:
        """Verify as :func:`verify` does; of what was right before only the time is looked at."""
        known = self._known.get(request)
        if known is not None:
            _check_time(known[1], now)
            return known[0]
        found = _verified(request, self._secrets, now)
        if found is None:
            return None
        if found[0].presigned and found[0].chunks is None and _size(request) <= _MAX_KNOWN_CHARS:
            self._known[request] = found
        return found[0]


def _verified(
    request: WireRequest, secrets: Mapping[str, str], now: datetime.datetime
) -> tuple[Verified, Claim] | None:
    check_size(request)
    headers = fold_headers(request.headers)
    query = query_pairs(request.raw_query)
    claim = read_claim(headers, query)
    if claim is None:
        return None
    signed_hash, payload_hash = _payload_hashes(claim, headers, query)
    _check_time(claim, now)
    if claim.access_key not in secrets:
        raise S3Error("InvalidAccessKeyId")
    _check_coverage(claim, headers)
    _check_text(claim, headers, query)
    unsigned_query = [pair for pair in query if pair[0].lower() != SIGNATURE_PARAMETER]
    digest = canonical_request(
        request.method,
        request.raw_path,
        query if claim.expires_s is None else unsigned_query,
        headers,
        claim.signed_headers,
        signed_hash,
    )
    key = _check_signature(claim, secrets[claim.access_key], digest)
    chunks = key if payload_hash in _SIGNED_STREAMS else None
    return Verified(claim.access_key, payload_hash, claim.expires_s is not None, chunks), claim


def check_size(request: WireRequest) -> None:
    """Refuse a head that is too large to be verified.

    Raises:
        S3Error: RequestHeaderSectionTooLarge.
    """
    if _size(request) > _MAX_REQUEST_CHARS or len(request.headers) > _MAX_HEADERS:
        raise S3Error("RequestHeaderSectionTooLarge")


def _size(request: WireRequest) -> int:
    in_headers = sum(len(name) + len(value) for name, value in request.headers)
    return len(request.raw_path) + len(request.raw_query) + in_headers


def _payload_hashes(
    claim: Claim, headers: Mapping[str, str], query: Sequence[tuple[str, str]]
) -> tuple[str, str]:
    """Give the value that was signed for the body, and the one that the body must fulfil."""
    in_header = _checked(headers.get(_CONTENT_HASH))
    if claim.expires_s is None:
        if in_header is None:
            raise S3Error(
                "InvalidRequest", f"Missing required header for this request: {_CONTENT_HASH}"
            )
        return in_header, in_header
    in_query = [value for name, value in query if name.lower() == _CONTENT_HASH]
    if in_query:
        signed = _checked(",".join(in_query))
    else:
        signed = in_header if _CONTENT_HASH in claim.signed_headers else None
    signed = signed or UNSIGNED_PAYLOAD
    # Who made the URL decides; only what that person left open may be said by the sender.
    if signed != UNSIGNED_PAYLOAD and in_header not in {None, signed}:
        raise S3Error("InvalidArgument", f"{_CONTENT_HASH} differs from the value in the query.")
    return signed, in_header or signed


def _checked(value: str | None) -> str | None:
    return None if value is None else check_payload_hash(value)


def check_payload_hash(value: str) -> str:
    """Give back a value of x-amz-content-sha256 that is a digest or one of the words.

    Raises:
        S3Error: ``InvalidArgument`` for anything else.
    """
    if value in PAYLOAD_WORDS or _SHA256_HEX.fullmatch(value):
        return value
    raise S3Error(
        "InvalidArgument",
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a "
        "valid sha256 value.",
    )


def _check_time(claim: Claim, now: datetime.datetime) -> None:
    # Differences of two times cannot overflow, as the sum of a time and a duration can.
    age = now - claim.time
    if claim.expires_s is None:
        if abs(age) > MAX_SKEW:
            raise S3Error("RequestTimeTooSkewed")
    elif age < -MAX_SKEW:
        raise S3Error("AccessDenied", "Request is not yet valid")
    elif age > datetime.timedelta(seconds=claim.expires_s):
        raise S3Error("AccessDenied", "Request has expired")


def _check_coverage(claim: Claim, headers: Mapping[str, str]) -> None:
    signed = set(claim.signed_headers)
    needed = {name for name in headers if name.startswith("x-amz-")} | {"host"}
    if claim.expires_s is not None:
        needed.discard(_CONTENT_HASH)
    if not needed <= signed:
        raise S3Error(
            "AccessDenied", "There were headers present in the request which were not signed"
        )
    if not signed <= headers.keys():
        # An absent header is not an empty one: something on the way has removed it.
        raise S3Error("SignatureDoesNotMatch")


def _check_text(claim: Claim, headers: Mapping[str, str], query: Sequence[tuple[str, str]]) -> None:
    """Refuse control characters where they mean nothing: keys may have them."""
    # So may what selects keys of a listing: the file in which a Mac keeps an icon is "Icon\r".
    for name in claim.signed_headers:
        check_printable(f"The header {name}", headers[name])
    for name, value in query:
        check_printable("A parameter", name, "" if name in _OF_KEYS else value)


def _check_signature(claim: Claim, secret: str, digest: str) -> ChunkKey:
    scope = claim.scope
    key = ChunkKey(_signing_key(secret, scope), claim.timestamp, scope, claim.signature)
    expected = key.sign(ALGORITHM, digest).encode()
    if not hmac.compare_digest(expected, claim.signature.encode("utf-8", "surrogateescape")):
        raise S3Error("SignatureDoesNotMatch")
    return key


@functools.lru_cache(maxsize=1024)
def _signing_key(secret: str, scope: str) -> bytes:
    """Derive the key of a day, a region and a service: the same for all requests of that day."""
    key = f"AWS4{secret}".encode()
    for step in scope.split("/"):
        key = _hmac(key, step)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), hashlib.sha256)
