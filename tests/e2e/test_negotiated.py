"""Browsers get renditions, each other client the restored file, also behind shared caches."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conftest import NewBucket
from tests.e2e import images, wire
from tests.servers import nginx, varnish
from tests.servers.server import S3Server

_FILE: Final = images.jpeg(240, 200)
_BROWSER: Final = {"Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"}
_OTHERS: Final = {"Accept": "*/*"}
_FRESH_S: Final = 1


@pytest.fixture
def path(new_bucket: NewBucket, s3: Any) -> str:
    """Store an image that everybody may read."""
    bucket = new_bucket("pages")
    s3.put_object(
        Bucket=bucket, Key="k.jpg", Body=_FILE, ContentType="image/jpeg", ACL="public-read"
    )
    return f"/{bucket}/k.jpg"


@pytest.fixture(params=["nginx", "varnish"])
def cached(request: pytest.FixtureRequest, gateway: S3Server, tmp_path: Path) -> Iterator[S3Server]:
    """Run a cache in front of the gateway, where it is installed."""
    missing = nginx.missing_program() if request.param == "nginx" else varnish.missing_programs()
    if missing:
        pytest.skip(f"{missing} is not installed (Debian: nginx, varnish, gcc)")
    start = nginx.caching_proxy if request.param == "nginx" else varnish.varnish
    with start(gateway, tmp_path, valid_s=_FRESH_S) as server:
        yield server


def _ask(server: S3Server, path: str, *more: dict[str, str], method: str = "GET") -> wire.Answer:
    said = {"Host": server.host}
    for each in more:
        said |= each
    return wire.send(server, method, path, said)


def _type(answer: wire.Answer) -> tuple[int, str | None]:
    return answer.status, answer.headers["Content-Type"]


def test_presigned_urls_are_negotiated_and_programs_are_not(
    gateway: S3Server, s3: Any, path: str
) -> None:
    """The link that a page shows gives a browser AVIF; boto3 and HEAD see the restored file."""
    bucket, key = path.strip("/").split("/")
    link = wire.presigned(gateway, f"{path}?x-amz-checksum-mode=ENABLED")  # as SDKs do
    seen = _ask(gateway, link, _BROWSER)
    assert _type(seen) == (200, "image/avif")
    assert images.opened(seen.body).size == (240, 200)
    got = s3.get_object(Bucket=bucket, Key=key)
    restored = got["Body"].read()
    assert (len(restored), got["ContentType"]) == (len(_FILE), "image/jpeg")
    assert seen.headers["ETag"] != got["ETag"]
    head = s3.head_object(Bucket=bucket, Key=key)
    assert (head["ContentLength"], head["ETag"]) == (len(_FILE), got["ETag"])
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ETag"] == got["ETag"]
    assert _ask(gateway, link, _OTHERS).body == restored


def test_a_browser_goes_on_with_what_it_has(gateway: S3Server, path: str) -> None:
    """It resumes, revalidates, and never mixes the rendition with the restored file."""
    whole, restored = _ask(gateway, path, _BROWSER), _ask(gateway, path, _OTHERS)
    etag, other = str(whole.headers["ETag"]), str(restored.headers["ETag"])
    part = {"Range": "bytes=100-299"}
    for named, source in ((etag, whole), (other, restored)):
        got = _ask(gateway, path, _BROWSER, part, {"If-Range": named})
        assert (got.status, got.body) == (206, source.body[100:300])
        assert got.headers["Content-Range"] == f"bytes 100-299/{len(source.body)}"
        assert got.headers["ETag"] == named
        again = _ask(gateway, path, _BROWSER, {"If-None-Match": named})
        assert (again.status, again.headers["ETag"]) == (304, named)
    assert _ask(gateway, path, _OTHERS, part, {"If-Match": etag}).status == 412
    signed = wire.signed(gateway, "GET", path, part | _BROWSER)
    assert wire.send(gateway, "GET", path, signed).body == restored.body[100:300]


@pytest.mark.parametrize("first", [_BROWSER, _OTHERS], ids=["browser", "others"])
def test_a_shared_cache_keeps_them_apart(
    cached: S3Server, path: str, first: dict[str, str]
) -> None:
    """Whoever asks first, from memory, after revalidation, in parts and beside HEAD."""
    second = _OTHERS if first is _BROWSER else _BROWSER
    found = {"image/avif": b"", "image/jpeg": b""}
    for accept in (first, second):
        answer = _ask(cached, path, accept)
        assert (answer.status, answer.headers["X-Cache"]) == (200, "MISS")
        assert "Accept" in str(answer.headers["Vary"])
        found[str(answer.headers["Content-Type"])] = answer.body
    assert all(found.values())
    for accept, mime in ((_BROWSER, "image/avif"), (_OTHERS, "image/jpeg")):
        again = _ask(cached, path, accept)
        assert (again.body, again.headers["X-Cache"]) == (found[mime], "HIT")
        assert _ask(cached, path, accept, method="HEAD").status == 200
        part = _ask(cached, path, accept, {"Range": "bytes=5-99"})
        assert (part.status, part.body) == (206, found[mime][5:100])
        etag = str(again.headers["ETag"])
        assert _ask(cached, path, accept, {"If-None-Match": etag}).status == 304
    for accept, mime in ((_BROWSER, "image/avif"), (_OTHERS, "image/jpeg")):
        while (late := _ask(cached, path, accept)).headers["X-Cache"] == "HIT":
            pass
        assert (_type(late), late.body) == ((200, mime), found[mime])


def test_an_overwritten_object_is_negotiated_anew(gateway: S3Server, s3: Any, path: str) -> None:
    """A plain object in its place is served to all as it is."""
    bucket, key = path.strip("/").split("/")
    etag = str(_ask(gateway, path, _BROWSER).headers["ETag"])
    s3.put_object(Bucket=bucket, Key=key, Body=b"text", ContentType="text/plain", ACL="public-read")
    for accept in (_BROWSER, _OTHERS):
        answer = _ask(gateway, path, accept, {"If-None-Match": etag})
        assert (answer.status, answer.body) == (200, b"text")
