"""Sign requests to the store, and recognize responses to credentials that it no longer accepts."""

from http import HTTPStatus
from typing import Final

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from multidict import CIMultiDict

from slimgate.gateway.s3 import xml as s3xml
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import Identity
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


class _Signer(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """botocore's signer with a given payload hash, so that it does not read the payload."""

    def payload(self, request: AWSRequest) -> str:
        payload_hash: str = request.context["payload_hash"]
        return payload_hash


def signed(
    request: Request, url: str, headers: CIMultiDict[str], identity: Identity, region: str
) -> CIMultiDict[str]:
    """Return the headers of a request with its signature.

    Args:
        request: The request.
        url: Its URL.
        headers: All headers to send.
        identity: Credentials that sign it.
        region: Region of the store.
    """
    to_sign = AWSRequest(method=request.method, url=url, headers=dict(headers))
    to_sign.context["payload_hash"] = request.payload_hash
    credentials = Credentials(identity.access_key, identity.secret_key, identity.session_token)
    _Signer(credentials, "s3", region).add_auth(to_sign)
    return CIMultiDict(to_sign.headers.items())


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
    return _code(body) in _STALE


def _code(body: bytes) -> str:
    """Return the code of an error; empty if the body is none."""
    try:
        return s3xml.text(s3xml.parse(body), "Code")
    except S3Error:
        return ""
