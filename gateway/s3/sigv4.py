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
from typing import Final, NamedTuple

from cachetools import FIFOCache

from slimgate.gateway.s3.authorization import (
    ALGORITHM,
    MAX_SKEW,
    SIGNATURE_PARAMETER,
    Claim,
    read_claim,
)
from slimgate.gateway.s3.canonical import (
    canonical_request,
    check_printable,
    fold_headers,
    is_printable,
    query_pairs,
)
from slimgate.gateway.s3.client_keys import ClientKeys, SigningKey, sent_token
from slimgate.gateway.s3.errors import S3Error

UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
STREAMING_UNSIGNED_TRAILER: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING_SIGNED: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"

_SIGNED_STREAMS: Final = frozenset({STREAMING_SIGNED, STREAMING_SIGNED_TRAILER})
_SHA256_HEX: Final = re.compile(r"[0-9A-Fa-f]{64}")
PAYLOAD_KEYWORDS: Final = _SIGNED_STREAMS | {UNSIGNED_PAYLOAD, STREAMING_UNSIGNED_TRAILER}
"""Values of x-amz-content-sha256 other than a digest."""

_CONTENT_HASH: Final = "x-amz-content-sha256"
# Parameters that hold a key or a key prefix.
_KEY_PARAMETERS: Final = frozenset(
    {"continuation-token", "delimiter", "key-marker", "marker", "prefix", "start-after"}
)
_MAX_HEADERS: Final = 256
_MAX_REQUEST_CHARS: Final = 65_536
_MAX_CACHED: Final = 1024
_MAX_CACHED_CHARS: Final = 2048


@dataclass(frozen=True, slots=True)
class WireRequest:
    """The head of a request as received; bytes that are not UTF-8 are surrogates.

    Attributes:
        method: HTTP method.
        raw_path: Path, percent-encoded.
        raw_query: Query, percent-encoded, without the question mark.
        headers: Names and values in order.
    """

    method: str
    raw_path: str
    raw_query: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChunkKey:
    """The key that verifies the signed chunks of a body.

    Attributes:
        signing_key: Derived key of this day, region and service.
        timestamp: Signing time of the request, as signed.
        scope: Credential scope without the access key.
        seed_signature: Signature of the request head, which starts the chain.
    """

    signing_key: bytes = field(repr=False)
    timestamp: str
    scope: str
    seed_signature: str = field(repr=False)

    def sign(self, kind: str, *parts: str) -> str:
        """Return the signature of one link of the chain, in hexadecimal digits."""
        return _hmac(self.signing_key, "\n".join((kind, self.timestamp, self.scope, *parts))).hex()


@dataclass(frozen=True, slots=True)
class Verified:
    """A verified signature.

    Attributes:
        access_key: Access key of the signer; for tokens that the gateway has issued, the owner's.
        payload_hash: Declared payload hash: 64 hexadecimal digits or one of the keywords.
        presigned: The signature was in the query.
        chunks: Key for a body in signed chunks; None for other bodies.
    """

    access_key: str
    payload_hash: str
    presigned: bool
    chunks: ChunkKey | None


def verify(request: WireRequest, keys: ClientKeys, now: datetime.datetime) -> Verified | None:
    """Verify the signature of a request.

    Args:
        request: Request head as received.
        keys: Keys of clients.
        now: Current time, aware.

    Returns:
        The verified signature, or None for an anonymous request.

    Raises:
        S3Error: Signature or session token are wrong, expired, of an unknown key, incomplete or
            malformed; code and status are those of S3.
    """
    found = _verified(request, keys, now)
    return None if found is None else found.verified


class _Found(NamedTuple):
    """A verified signature, what it claimed, and the key that it was made with."""

    verified: Verified
    claim: Claim
    token: str | None
    key: SigningKey


class Verifier:
    """Verify signatures, and cache those of presigned URLs, which are often reused.

    Args:
        keys: Keys of clients, which may change at any time.
    """

    def __init__(self, keys: ClientKeys) -> None:
        self._keys = keys
        self._cache: FIFOCache[WireRequest, _Found] = FIFOCache(_MAX_CACHED)

    def verify(self, request: WireRequest, now: datetime.datetime) -> Verified | None:
        """Verify as :func:`verify` does; of a cached signature, only its time and its key."""
        known = self._cache.get(request)
        if known is not None and self._still_holds(known, now):
            return known.verified
        found = _verified(request, self._keys, now)
        if found is None:
            return None
        verified = found.verified
        if verified.presigned and verified.chunks is None and _size(request) <= _MAX_CACHED_CHARS:
            self._cache[request] = found
        return verified

    def _still_holds(self, known: _Found, now: datetime.datetime) -> bool:
        _check_time(known.claim, now)
        return self._keys.signing_key(known.claim.access_key, known.token, now) == known.key


def _verified(request: WireRequest, keys: ClientKeys, now: datetime.datetime) -> _Found | None:
    check_size(request)
    headers = fold_headers(request.headers)
    query = query_pairs(request.raw_query)
    claim, token = read_claim(headers, query), sent_token(headers.items(), query)
    if claim is None:
        if token is not None:
            raise S3Error("InvalidToken")  # it belongs to a signature
        return None
    signed_hash, payload_hash = _payload_hashes(claim, headers, query)
    _check_time(claim, now)
    signing = keys.signing_key(claim.access_key, token, now)
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
    key = _check_signature(claim, signing.secret, digest)
    chunks = key if payload_hash in _SIGNED_STREAMS else None
    verified = Verified(signing.owner, payload_hash, claim.expires_s is not None, chunks)
    return _Found(verified, claim, token, signing)


def check_size(request: WireRequest) -> None:
    """Refuse a request head that is too large to verify.

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
    """Return the signed payload hash, and the one that the body must match."""
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
    # The URL takes precedence; the sender may only add what it leaves open.
    if signed != UNSIGNED_PAYLOAD and in_header not in {None, signed}:
        raise S3Error("InvalidArgument", f"{_CONTENT_HASH} differs from the value in the query.")
    return signed, in_header or signed


def _checked(value: str | None) -> str | None:
    return None if value is None else check_payload_hash(value)


def check_payload_hash(value: str) -> str:
    """Return a valid value of x-amz-content-sha256: a digest or one of the keywords.

    Raises:
        S3Error: ``InvalidArgument`` for anything else.
    """
    if value in PAYLOAD_KEYWORDS or _SHA256_HEX.fullmatch(value):
        return value
    raise S3Error(
        "InvalidArgument",
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a "
        "valid sha256 value.",
    )


def _check_time(claim: Claim, now: datetime.datetime) -> None:
    # The difference of two times cannot overflow; the sum of a time and a duration can.
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
        # A missing header is not an empty one: a proxy has removed it.
        raise S3Error("SignatureDoesNotMatch")


def _check_text(claim: Claim, headers: Mapping[str, str], query: Sequence[tuple[str, str]]) -> None:
    """Refuse control characters, except in keys."""
    # Listing parameters hold keys, and macOS stores folder icons as "Icon\r".
    if not is_printable("".join([headers[name] for name in claim.signed_headers])):
        for name in claim.signed_headers:
            check_printable(f"The header {name}", headers[name])
    for name, value in query:
        check_printable("A parameter", name, "" if name in _KEY_PARAMETERS else value)


def _check_signature(claim: Claim, secret: str, digest: str) -> ChunkKey:
    scope = claim.scope
    key = ChunkKey(signing_key(secret, scope), claim.timestamp, scope, claim.signature)
    expected = key.sign(ALGORITHM, digest).encode()
    if not hmac.compare_digest(expected, claim.signature.encode("utf-8", "surrogateescape")):
        raise S3Error("SignatureDoesNotMatch")
    return key


@functools.lru_cache(maxsize=1024)
def signing_key(secret: str, scope: str) -> bytes:
    """Return the derived key of a day, region and service, which all requests of that day share."""
    key = f"AWS4{secret}".encode()
    for step in scope.split("/"):
        key = _hmac(key, step)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), hashlib.sha256)
