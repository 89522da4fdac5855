"""Browsers ask before they upload from a page of another origin: the URL itself, without a key."""

from typing import Any, Final

import pytest

from tests.e2e import wire
from tests.servers.clients import s3_client
from tests.servers.server import S3Server

_ORIGIN: Final = "https://shop.example"
_PREFLIGHT: Final = {
    "Origin": _ORIGIN,
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "content-type",
}
RULES: Final = {
    "CORSRules": [
        {
            "AllowedMethods": ["GET", "PUT"],
            "AllowedOrigins": ["*"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag"],
        }
    ]
}


def _ask(server: S3Server, path: str, **headers: str) -> wire.Answer:
    return wire.send(server, "OPTIONS", path, {"Host": server.host, **_PREFLIGHT, **headers})


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_preflights_of_presigned_urls_are_answered(
    direct: Any, gateway: S3Server, photos: str, version: str
) -> None:
    """A preflight is the store's to judge, whatever the URL is signed for."""
    direct.put_bucket_cors(Bucket=photos, CORSConfiguration=RULES)
    with s3_client(gateway, signature_version=version) as client:
        url = client.generate_presigned_url("put_object", Params={"Bucket": photos, "Key": "k"})
    answer = _ask(gateway, url.removeprefix(gateway.endpoint))
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] in {"*", _ORIGIN}
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Signature=0",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=nobody&X-Amz-Signature=0",
        "AWSAccessKeyId=nobody&Signature=0&Expires=1",
        "x-amz-acl=private&x-id=PutObject",
    ],
)
def test_preflights_are_never_verified(
    direct: Any, gateway: S3Server, upstream: S3Server, photos: str, query: str
) -> None:
    """The response to a preflight is the store's, whatever the signature."""
    direct.put_bucket_cors(Bucket=photos, CORSConfiguration=RULES)
    path = f"/{photos}/k"
    expected = _ask(upstream, path)
    for headers in ({}, {"Authorization": "AWS4-HMAC-SHA256 nonsense"}):
        answer = _ask(gateway, f"{path}?{query}", **headers)
        assert answer.status == expected.status
        for name in ("Access-Control-Allow-Origin", "Access-Control-Allow-Methods"):
            assert answer.headers[name] == expected.headers[name]


def test_preflights_without_rules_are_the_stores_to_judge(
    gateway: S3Server, upstream: S3Server, photos: str
) -> None:
    """Where a bucket has no rules, the store's answer reaches the browser."""
    path = f"/{photos}/k"
    answer, expected = _ask(gateway, f"{path}?X-Amz-Signature=0"), _ask(upstream, path)
    assert answer.failure == expected.failure
    for name in ("Access-Control-Allow-Origin", "Access-Control-Allow-Methods"):
        assert answer.headers[name] == expected.headers[name]
