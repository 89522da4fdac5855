"""Presigned URLs of version 2: botocore signs, the gateway verifies."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from gateway import query
from gateway.errors import S3Error
from gateway.sigv2 import is_presigned, verify
from gateway.sigv4 import Verified, WireRequest

_NOW = datetime.now(UTC)
_SECRETS = {"key": "secret"}


def _presigned(
    path: str, *, method: str = "GET", expires: int = 3600, headers: dict[str, str] | None = None,
    auth_path: str | None = None,
) -> WireRequest:  # fmt: skip
    request = AWSRequest(method=method, url=f"http://gateway{path}", headers=headers or {})
    request.auth_path = auth_path
    HmacV1QueryAuth(Credentials("key", "secret"), expires).add_auth(request)
    url: Any = urlsplit(request.url)
    return WireRequest(method, url.path, url.query, tuple((headers or {}).items()))


def _verified(request: WireRequest, bucket: str = "") -> Verified:
    return verify(request, bucket, _SECRETS, _NOW)


@given(
    key=st.text(min_size=1, max_size=30).map(lambda text: quote(text.encode("utf-8", "replace"))),
    query=st.sampled_from(
        ["", "?versionId=a%2Fb", "?response-content-type=text%2Fplain&partNumber=1", "?acl", "?x=y"]
    ),
    method=st.sampled_from(["GET", "PUT", "HEAD", "DELETE"]),
)
def test_what_botocore_signs_is_verified(key: str, query: str, method: str) -> None:
    """Any key, method and query that botocore has signed is accepted."""
    verified = _verified(_presigned(f"/bucket/{key}{query}", method=method))
    assert ("key", "UNSIGNED-PAYLOAD", True) == (
        verified.access_key, verified.payload_hash, verified.presigned
    )  # fmt: skip


def test_headers_are_signed() -> None:
    """Metadata and content type are a part of what was signed."""
    headers = {"Content-Type": "image/png", "x-amz-meta-a": "1"}
    request = _presigned("/bucket/key", method="PUT", headers=headers)
    assert "key" == _verified(request).access_key
    other = (("Content-Type", "image/png"), ("x-amz-meta-a", "2"))
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        _verified(WireRequest("PUT", request.raw_path, request.raw_query, other))


def test_virtual_hosts_are_signed_with_their_bucket() -> None:
    """The bucket of a virtual host is a part of the signed resource."""
    request = _presigned("/key", auth_path="/bucket/key")
    assert "key" == _verified(request, bucket="bucket").access_key
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        _verified(request, bucket="other")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"raw_path": "/bucket/other"}, "SignatureDoesNotMatch"),
        ({"method": "PUT"}, "SignatureDoesNotMatch"),
        ({"headers": (("x-amz-acl", "public-read"),)}, "SignatureDoesNotMatch"),
        ({"headers": (("Authorization", "AWS4-HMAC-SHA256 x"),)}, "InvalidArgument"),
        ({"headers": (("x-amz-content-sha256", "junk"),)}, "SignatureDoesNotMatch"),
    ],
)
def test_altered_requests_are_refused(changed: dict[str, Any], code: str) -> None:
    """Nothing that was signed can be changed."""
    request = _presigned("/bucket/key")
    facts = {
        name: getattr(request, name) for name in ("method", "raw_path", "raw_query", "headers")
    }
    with pytest.raises(S3Error, match=code):
        _verified(WireRequest(**facts | changed))


def test_expired_and_unknown_are_refused() -> None:
    """An expired URL and an unknown key get the answers of S3."""
    request = _presigned("/bucket/key", expires=10)
    with pytest.raises(S3Error, match="expired"):
        verify(request, "", _SECRETS, datetime.now(UTC) + timedelta(minutes=1))
    with pytest.raises(S3Error, match="InvalidAccessKeyId"):
        verify(request, "", {"other": "secret"}, _NOW)
    malformed = request.raw_query.replace("Expires=", "Expires=-")
    with pytest.raises(S3Error, match="AccessDenied"):
        _verified(WireRequest("GET", request.raw_path, malformed, ()))


def test_the_signature_stays_behind() -> None:
    """Only the parameters of the request itself go upstream."""
    request = _presigned("/bucket/key?versionId=v")
    assert is_presigned(request.raw_query)
    assert "versionId=v" == query.read(request.raw_query).text
    assert "Expires=1&acl" == query.read("Expires=1&acl").text
