"""Signature version 4, against the signer of botocore."""

from collections.abc import Iterator
from typing import Final
from unittest import mock

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fuzz.requests import NOW, Sent, read, refusal, tampered
from fuzz.target import check
from slimgate.gateway.s3.client_keys import ClientKey, ClientKeys
from slimgate.gateway.s3.sigv4 import WireRequest, verify

MODULES: Final = ("slimgate.gateway.s3",)
WORDS: Final = (
    b"AWS4-HMAC-SHA256", b"Credential=key/20260101/us-east-1/s3/aws4_request", b"SignedHeaders=",
    b"Signature=", b"X-Amz-Algorithm=", b"X-Amz-Credential=", b"X-Amz-Date=", b"X-Amz-Expires=",
    b"UNSIGNED-PAYLOAD", b"%20", b"+", b"%2F", b"host;x-amz-date",
)  # fmt: skip
_KEYS: Final = ClientKeys({"key": ClientKey("secret")}.get)


class _Signer(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    def payload(self, request: AWSRequest) -> str:
        return "UNSIGNED-PAYLOAD"


def run(data: bytes) -> None:
    """Verify a request as it is, then signed by botocore, then changed after signing."""
    sent = read(data)
    refusal(verify, WireRequest(sent.method, sent.path, sent.query, sent.headers), _KEYS, NOW)
    plain = sent.plain()
    signed = _signed(plain)
    if signed is None:
        return
    request = WireRequest(plain.method, plain.path, plain.query, signed)
    code = refusal(verify, request, _KEYS, NOW)
    check(code is None, f"a right signature is refused: {code}")
    for other in tampered(request):
        check(refusal(verify, other, _KEYS, NOW) is not None, "a forged request passes")


def _signed(sent: Sent) -> tuple[tuple[str, str], ...] | None:
    url = f"http://localhost{sent.path}" + (f"?{sent.query}" if sent.query else "")
    request = AWSRequest(sent.method, url, headers=dict(sent.headers))
    naive = NOW.replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=naive):
        _Signer(Credentials("key", "secret"), "s3", "us-east-1").add_auth(request)
    return tuple((name, str(value)) for name, value in request.headers.items())


def seeds() -> Iterator[bytes]:
    """Yield requests, some of which claim a signature."""
    yield b"GET\n/bucket/key\nlist-type=2&prefix=a\nHost: localhost\nx-amz-date: 20260101T000000Z"
    yield b"PUT\n/bucket/a%20b\n\nHost: localhost\nx-amz-meta-a: b"
    yield (
        b"GET\n/b\n\nHost: localhost\nx-amz-date: 20260101T000000Z\n"
        b"Authorization: AWS4-HMAC-SHA256 "
        b"Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, "
        b"Signature=" + b"0" * 64
    )
    yield (
        b"GET\n/b\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=key%2F20260101%2Fus-east-1%2Fs3"
        b"%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=9&X-Amz-SignedHeaders=host"
        b"&X-Amz-Signature=" + b"0" * 64 + b"\nHost: localhost"
    )
