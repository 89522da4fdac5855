"""Answers that the gateway makes itself, as pages of other origins get to see them."""

from typing import Any, Final

import pytest

from tests.e2e import images, wire
from tests.servers.server import S3Server

_FILE: Final = images.jpeg(200, 184)
_ORIGINS: Final = ("https://shop.example", "https://other.example")
_RULES: Final = {
    "reading": {"AllowedMethods": ["GET"], "ExposeHeaders": ["ETag", "x-slimgate-tier"]},
    "looking": {"AllowedMethods": ["HEAD"]},
    "writing": {"AllowedMethods": ["PUT", "POST", "DELETE"], "AllowedHeaders": ["*"]},
}


def _names(vary: str | None) -> set[str]:
    return {name.strip().lower() for name in (vary or "").split(",")} - {"", "x-slimgate-raw"}


def _allowed(answer: wire.Answer) -> dict[str, Any]:
    """Return what an answer says about origins; what also depends on others is left out."""
    told = {
        name.lower(): value
        for name, value in answer.headers.items()
        if name.lower().startswith("access-control-")
    }
    return {**told, "vary": _names(answer.headers["Vary"])}


@pytest.fixture(params=_RULES)
def bucket(
    request: pytest.FixtureRequest, upstream: S3Server, direct: Any, s3: Any, photos: str
) -> str:
    """Make a bucket with a rule for one origin, an image and another file."""
    if upstream.is_moto:
        pytest.skip("moto allows every origin whatever the rules are")
    rule = {"AllowedOrigins": [_ORIGINS[0]], **_RULES[request.param]}
    direct.put_bucket_cors(Bucket=photos, CORSConfiguration={"CORSRules": [rule]})
    s3.put_object(Bucket=photos, Key="k", Body=_FILE)
    s3.put_object(Bucket=photos, Key="plain", Body=b"plain")
    return photos


@pytest.mark.parametrize("origin", _ORIGINS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("server", ["gateway", "forgetful"])
def test_reads(
    request: pytest.FixtureRequest,
    upstream: S3Server,
    bucket: str,
    origin: str,
    method: str,
    server: str,
) -> None:
    """Files, 304s and refusals carry what the store says of this origin and method."""
    gateway: S3Server = request.getfixturevalue(server)
    expected = _allowed(wire.ask(upstream, method, f"/{bucket}/plain", {"Origin": origin}))
    asked = [
        ({}, 200), ({"Range": "bytes=0-1"}, 206), ({"If-None-Match": "*"}, 304),
        ({"If-Match": '"x"'}, 412), ({"Range": "bytes=99999999-"}, 416),
    ]  # fmt: skip
    for extra, status in asked:
        answer = wire.ask(gateway, method, f"/{bucket}/k", {"Origin": origin, **extra})
        allowed = _allowed(answer)
        # To name more than the store does for this method costs a cache nothing but room.
        assert allowed["vary"] >= expected["vary"]
        allowed["vary"] = expected["vary"]
        assert (answer.status, allowed) == (status, expected)
        assert "x-slimgate-raw" in answer.headers["Vary"]
    without = wire.ask(gateway, method, f"/{bucket}/k")
    assert not [name for name in without.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("origin", _ORIGINS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_refusals_before_the_store_is_asked(
    upstream: S3Server, gateway: S3Server, bucket: str, origin: str, method: str
) -> None:
    """A page may read why its request was refused where the store lets it read answers."""
    path = f"/{bucket}/k"
    expected = _allowed(
        wire.send(upstream, method, path, {"Host": upstream.host, "Origin": origin})
    )
    wrong = {"Authorization": "AWS4-HMAC-SHA256 nonsense", "Origin": origin, "Host": gateway.host}
    answer = wire.send(gateway, method, path, wrong)
    assert (answer.status, _allowed(answer)) == (400, expected)


def test_an_upload_that_is_not_as_declared(
    upstream: S3Server, gateway: S3Server, bucket: str
) -> None:
    """BadDigest, which the gateway finds out itself, is readable like answers of the store."""
    origin = {"Origin": _ORIGINS[0]}
    expected = _allowed(wire.ask(upstream, "PUT", f"/{bucket}/other", origin, b"x"))
    wrong = {**origin, "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    answer = wire.ask(gateway, "PUT", f"/{bucket}/k", wrong, _FILE)
    assert (*answer.failure, _allowed(answer)) == (400, "BadDigest", expected)


@pytest.mark.parametrize("key", ["k", "plain", "none"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_raw_answers_are_for_nobody_else(
    s3: Any, gateway: S3Server, photos: str, method: str, key: str
) -> None:
    """No shared cache keeps what was selected by x-slimgate-raw, a refusal included."""
    control = {"CacheControl": "public, max-age=60"}
    s3.put_object(Bucket=photos, Key="k", Body=_FILE, **control)
    s3.put_object(Bucket=photos, Key="plain", Body=b"plain", **control)
    raw = wire.ask(gateway, method, f"/{photos}/{key}", {"x-slimgate-raw": "stored"})
    assert raw.status == (404 if key == "none" else 200)
    assert raw.headers["Cache-Control"] == "no-store"
    assert "x-slimgate-raw" in raw.headers["Vary"]
    assert raw.headers["Expires"] is None
