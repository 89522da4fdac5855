"""Signature version 2, against the signer of botocore."""

from collections.abc import Iterator
from email.utils import format_datetime
from typing import Final
from unittest import mock

from botocore.auth import HmacV1Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fuzz.requests import NOW, Sent, read, refusal, tampered
from fuzz.target import check
from slimgate.gateway.s3 import sigv2
from slimgate.gateway.s3.client_keys import ClientKey, ClientKeys
from slimgate.gateway.s3.sigv4 import WireRequest

MODULES: Final = ("slimgate.gateway.s3",)
WORDS: Final = (
    b"Authorization: AWS key:", b"AWSAccessKeyId=", b"Signature=", b"Expires=", b"x-amz-date: ",
    b"acl", b"uploads", b"response-content-type=", b"versionId=", b"torrent", b"Date: ",
)  # fmt: skip
_KEYS: Final = ClientKeys({"key": ClientKey("secret", version_2=True)}.get)


def run(data: bytes) -> None:
    """Verify a request as it is, then signed by botocore, then changed after signing."""
    sent = read(data)
    asked = WireRequest(sent.method, sent.path, sent.query, sent.headers)
    if sigv2.is_claimed(asked):
        refusal(sigv2.verify, asked, "", _KEYS, NOW)
    plain = sent.plain()
    request = WireRequest(plain.method, plain.path, plain.query, _signed(plain))
    code = refusal(sigv2.verify, request, "", _KEYS, NOW)
    # botocore signs parameters that S3 does not, and ambiguous ones are refused.
    check(code in {None, "InvalidArgument", "InvalidRequest"}, f"refused: {code}")
    if code is None:
        for other in tampered(request, query=False):
            code = refusal(sigv2.verify, other, "", _KEYS, NOW)
            check(code is not None, "a forged request passes")


def _signed(sent: Sent) -> tuple[tuple[str, str], ...]:
    url = f"http://localhost{sent.path}" + (f"?{sent.query}" if sent.query else "")
    request = AWSRequest(sent.method, url, headers=dict(sent.headers))
    date = format_datetime(NOW, usegmt=True)
    with mock.patch("botocore.auth.formatdate", return_value=date):
        HmacV1Auth(Credentials("key", "secret")).add_auth(request)
    return tuple((name, str(value)) for name, value in request.headers.items())


def seeds() -> Iterator[bytes]:
    """Yield requests, some of which claim a signature."""
    yield b"GET\n/bucket/key\nacl\nHost: localhost"
    yield b"PUT\n/bucket/a%20b\nuploadId=x&partNumber=2\nHost: localhost\nx-amz-meta-a: b"
    yield b"GET\n/bucket/key\n\nHost: localhost\nAuthorization: AWS key:AAAA=\nDate: x"
    yield b"GET\n/b/k\nAWSAccessKeyId=key&Expires=1767225700&Signature=a\nHost: localhost"
