"""Sign requests to the store, and recognize responses to credentials that it no longer accepts."""

import hashlib
import time
from http import HTTPStatus
from typing import Final

from multidict import CIMultiDict
from yarl import URL

from slimgate.gateway.s3.authorization import ALGORITHM
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.sigv4 import ChunkKey, signing_key
from slimgate.gateway.storage.errors import error_code
from slimgate.gateway.storage.messages import Request, read_bounded
from slimgate.gateway.storage.store_response import StoreResponse

_MAX_ERROR: Final = 1 << 16

_REFUSALS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN})
_STALE: Final = frozenset(
    {
        "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken",
        "TokenRefreshRequired",
    }
)  # fmt: skip
"""Codes about the credentials: some stores forget temporary keys once they have expired."""


_PAYLOAD_HASH: Final = "X-Amz-Content-SHA256"
_SERVICE: Final = "s3"

# Proxies may change these, or HTTP clients add them: botocore does not sign them either.
_UNSIGNED: Final = frozenset(
    {
        "baggage", "connection", "expect", "keep-alive", "proxy-authenticate",
        "proxy-authorization", "te", "traceparent", "tracestate", "trailer", "transfer-encoding",
        "upgrade", "user-agent", "x-amzn-trace-id",
    }
)  # fmt: skip


def signed(
    request: Request, url: URL, headers: CIMultiDict[str], identity: Identity, region: str
) -> CIMultiDict[str]:
    """Return the headers of a request with its signature, as botocore makes it.

    Args:
        request: The request.
        url: Its URL, escaped as it is signed.
        headers: All headers to send, each name once, and Host among them.
        identity: Credentials that sign it.
        region: Region of the store.
    """
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{timestamp[:8]}/{region}/{_SERVICE}/aws4_request"
    sent = CIMultiDict(headers)
    for replaced in ("Authorization", "Date"):
        sent.popall(replaced, None)
    sent["X-Amz-Date"] = timestamp
    if identity.session_token:
        sent["X-Amz-Security-Token"] = identity.session_token
    sent[_PAYLOAD_HASH] = request.payload_hash
    covered = sorted(
        (lower, " ".join(value.split()))
        for name, value in sent.items()
        if (lower := name.lower()) not in _UNSIGNED
    )
    names = ";".join(name for name, _ in covered)
    digest = _canonical_digest(request, url, covered, names)
    key = ChunkKey(signing_key(identity.secret_key, scope), timestamp, scope, "")
    sent["Authorization"] = (
        f"{ALGORITHM} Credential={identity.access_key}/{scope}, "
        f"SignedHeaders={names}, Signature={key.sign(ALGORITHM, digest)}"
    )
    return sent


def _canonical_digest(
    request: Request, url: URL, covered: list[tuple[str, str]], names: str
) -> str:
    """Return the SHA-256 of the canonical request, in hexadecimal digits."""
    lines = [
        request.method.upper(),
        url.raw_path,
        _canonical_query(url.raw_query_string),
        *(f"{name}:{value}" for name, value in covered),
        "",
        names,
        request.payload_hash,
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _canonical_query(query: str) -> str:
    """Return a query that is escaped as it is signed, sorted by name and value."""
    if not query:
        return ""
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&"))
    return "&".join(f"{name}={value}" for name, value in pairs)


async def rejects_credentials(response: StoreResponse) -> bool:
    """Return whether the store refuses the credentials rather than the request.

    The body of a refusal is read, and can be read again. Responses to HEAD have none: there, a 400
    may mean it, the status that S3 has for expired tokens.

    Raises:
        S3Error: InternalError if the refusal is too long, ServiceUnavailable if the store
            disconnects.
    """
    if response.status not in _REFUSALS:
        return False
    if response.method == "HEAD":
        return response.status == HTTPStatus.BAD_REQUEST
    body = await read_bounded(response, _MAX_ERROR)
    response.refill(body)
    return error_code(body) in _STALE
