"""A cache that many clients share stands in front of the gateway."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e import images, wire
from tests.servers.nginx import caching_proxy, missing_program
from tests.servers.server import S3Server

_FILE: Final = images.jpeg(240, 200)
_RAW: Final = {"x-slimgate-raw": "stored"}
_FRESH_S: Final = 1


@pytest.fixture
def cached(gateway: S3Server, tmp_path: Path) -> Iterator[S3Server]:
    """Run nginx in front of the gateway, where it is installed."""
    missing = missing_program()
    if missing:
        pytest.skip(f"{missing} is not installed (Debian: {missing})")
    with caching_proxy(gateway, tmp_path, valid_s=_FRESH_S) as server:
        yield server


@pytest.fixture(params=["", "public, max-age=1"])
def path(request: pytest.FixtureRequest, s3: Any, photos: str) -> str:
    """Store an image that everybody may read, and that may say how long it can be kept."""
    control = {"CacheControl": request.param} if request.param else {}
    s3.put_object(
        Bucket=photos, Key="k", Body=_FILE, ContentType="image/jpeg", ACL="public-read", **control
    )
    return f"/{photos}/k"


def _ask(
    server: S3Server, path: str, extra: dict[str, str] | None = None, method: str = "GET"
) -> wire.Answer:
    return wire.send(server, method, path, {"Host": server.host, **(extra or {})})


def _type(answer: wire.Answer) -> tuple[int, str | None]:
    return answer.status, answer.headers["Content-Type"]


def _until_stale(server: S3Server, path: str) -> wire.Answer:
    """Ask until the cache has asked again."""
    while (answer := _ask(server, path)).headers["X-Cache"] == "HIT":
        pass
    return answer


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_rendition_is_for_those_who_ask_for_it(
    cached: S3Server, path: str, method: str
) -> None:
    """Whatever one client asks for first, others get the restored file, now and later."""
    for _ in range(2):
        raw = _ask(cached, path, _RAW, method)
        assert (_type(raw), raw.headers["X-Cache"]) == ((200, "image/avif"), "MISS")
    first = _ask(cached, path)
    assert (_type(first), first.headers["X-Cache"]) == ((200, "image/jpeg"), "MISS")
    assert len(first.body) == len(_FILE)
    second = _ask(cached, path)
    assert (second.body, second.headers["X-Cache"]) == (first.body, "HIT")
    assert _type(_ask(cached, path, _RAW)) == (200, "image/avif")
    later = _until_stale(cached, path)
    assert (later.body, later.headers["X-Cache"]) == (first.body, "REVALIDATED")
    assert later.headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize("extra", [{}, {"Range": "bytes=5-9"}, {"If-Match": '"none"'}])
def test_what_is_kept_never_answers_a_raw_request(
    cached: S3Server, path: str, extra: dict[str, str]
) -> None:
    """A restored file in the cache, or a part of it, does not pass for the rendition."""
    assert len(_ask(cached, path).body) == len(_FILE)
    raw = _ask(cached, path, {**extra, **_RAW})
    assert raw.headers["X-Cache"] == "MISS"
    # nginx asks for whole objects, and cuts parts only out of what it keeps.
    assert raw.body == _ask(cached, path, _RAW).body
    assert _ask(cached, path, extra).headers["X-Cache"] == "HIT"
