"""Tests of the URLs that leave the gateway: whatever clients send, they lead to the store."""

import contextlib
from typing import Final
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.config.upstream import Upstream as UpstreamSettings
from slimgate.gateway.s3 import copy_source
from slimgate.gateway.s3.canonical import unescaped
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target, locate
from slimgate.gateway.storage.endpoint import Endpoint, ForeignHost
from tests.config.builders import steady

_STORE: Final = "http://store.example:8333"
_DOMAINS: Final = ("localhost", "s3.example.com")


def _endpoint(url: str = _STORE, addressing: str = "path") -> Endpoint:
    return Endpoint(UpstreamSettings.model_validate({"endpoint": url, "addressing": addressing}))


_ENDPOINTS: Final = [_endpoint(addressing=style) for style in ("path", "virtual")]


@pytest.mark.parametrize(
    ("endpoint", "style", "bucket", "expected"),
    [
        (_STORE, "path", "photos", f"{_STORE}/photos/a%20b?x=1"),
        (_STORE, "virtual", "photos", "http://photos.store.example:8333/a%20b?x=1"),
        (_STORE, "virtual", "my.photos", "http://my.photos.store.example:8333/a%20b?x=1"),
        (_STORE, "virtual", "Photos", f"{_STORE}/Photos/a%20b?x=1"),
        (_STORE, "virtual", "under_score", f"{_STORE}/under_score/a%20b?x=1"),
        (_STORE, "virtual", "dashed-", f"{_STORE}/dashed-/a%20b?x=1"),
        (_STORE, "virtual", "two..dots", f"{_STORE}/two..dots/a%20b?x=1"),
        (_STORE, "virtual", "127.0.0.1", f"{_STORE}/127.0.0.1/a%20b?x=1"),
        (_STORE, "virtual", "x" * 64, f"{_STORE}/{'x' * 64}/a%20b?x=1"),
        (_STORE, "virtual", "tenant:photos", f"{_STORE}/tenant%3Aphotos/a%20b?x=1"),
        ("https://s3.example", "virtual", "my.photos", "https://s3.example/my.photos/a%20b?x=1"),
        ("https://s3.example", "virtual", "photos", "https://photos.s3.example/a%20b?x=1"),
        ("http://[::1]:8333", "path", "photos", "http://[::1]:8333/photos/a%20b?x=1"),
        ("http://[::1]:80", "path", "photos", "http://[::1]/photos/a%20b?x=1"),
        ("http://10.0.0.1", "path", "photos", "http://10.0.0.1/photos/a%20b?x=1"),
    ],
)
def test_urls_are_built_from_parts(endpoint: str, style: str, bucket: str, expected: str) -> None:
    """A bucket goes before the host where its name fits there, and else into the path."""
    url = _endpoint(endpoint, style).url(Target(bucket, "a b", "a%20b"), "x=1")
    assert str(url) == expected


@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8333/", "http://store.example/", "https://store.example:8333/",
        "http://store.example:80/", "http://store.example.evil:8333/", "http://evilstore.example:8333/",
        "http://u@store.example:8333/", "http://u:p@photos.store.example:8333/",
        "http://Photos_.store.example:8333/", "http://-.store.example:8333/",
        "http://127.0.0.1.store.example:8333/", "http://ab.store.example:8333/",
    ],
)  # fmt: skip
def test_urls_of_other_hosts_are_refused(style: str, url: str) -> None:
    """What does not lead to the store does not leave."""
    with pytest.raises(ForeignHost):
        _endpoint(addressing=style).checked(url)


_NASTY: Final = [
    "/", "//", "..", "%2F", "%2f", "%252F", "%5C", "\\", "?", "%3F", "#", "%23", "@", "%40", ":",
    "%3A", "%0d%0a", "%00", "%ff", "\udcff", "[::1]", "127.0.0.1:80", "evil.example", "localhost",
    ".localhost", "xn--mnchen-3ya", "münchen", "\u0661\u0662", "\u3002", "%E3%80%82",
    "bucket", "photos", " ", "http://", "*",
]  # fmt: skip
_piece = st.sampled_from(_NASTY) | st.text(max_size=4)
_texts = st.lists(_piece, max_size=8).map("".join)


@steady
@given(
    st.builds("{}{}".format, st.sampled_from(["/", "", "http://evil.example/"]), _texts),
    _texts | _texts.map("{}.localhost".format) | _texts.map("{}.s3.example.com:80".format),
    _texts,
)
def test_no_request_leads_to_another_host(raw_path: str, host: str, query: str) -> None:
    """Whatever path, Host header and query a client sends, the store alone is asked."""
    with contextlib.suppress(S3Error):
        target = locate(raw_path, host, _DOMAINS)
        for endpoint, style in zip(_ENDPOINTS, ("path", "virtual"), strict=True):
            text = str(endpoint.url(target, query))
            parts = urlsplit(text)
            assert (parts.scheme, parts.port, parts.username) == ("http", 8333, None)
            label = (parts.hostname or "").removesuffix("store.example")
            assert label in {"", f"{target.bucket}."}
            path = parts.path if label else parts.path.removeprefix("/").partition("/")[2]
            assert unescaped(path.removeprefix("/") if label else path) == target.key
            assert style == "virtual" or not label
            assert text.isascii()
            assert text.isprintable()
            assert " " not in text


@steady
@given(_texts)
def test_copy_sources_are_spelled_anew(value: str) -> None:
    """What the store reads in a copy source is what was judged, however it was spelled."""
    with contextlib.suppress(S3Error):
        parsed = copy_source.parse(value)
        spelled = copy_source.spelled(*parsed)
        assert copy_source.parse(spelled) == parsed
        assert spelled.isascii()
        assert spelled.isprintable()


@pytest.mark.parametrize(
    ("value", "bucket", "key", "version_id"),
    [
        ("bucket/a%20b", "bucket", "a b", None),
        ("/bucket/a", "bucket", "a", None),
        ("bucket%2Fa%2Fb", "bucket", "a/b", None),
        ("%2Fbucket%2Fa", "bucket", "a", None),
        # Decoded once: the object is called "a%20b".
        ("bucket%2Fa%2520b", "bucket", "a%20b", None),
        ("bucket/a%2520b", "bucket", "a%20b", None),
        ("bucket/%FF", "bucket", "\udcff", None),
        ("bucket%2F%FF", "bucket", "\udcff", None),
        ("bucket/a%3FversionId=1", "bucket", "a?versionId=1", None),
        ("bucket/a?versionId=v%2B1", "bucket", "a", "v+1"),
        ("bucket/a?versionId=", "bucket", "a", None),
        ("bucket/a?b", "bucket", "a", None),
        ("bucket/a?x=2&versionId=1", "bucket", "a", "1"),
        ("tenant:bucket/a", "tenant:bucket", "a", None),
        ("bucket//a", "bucket", "/a", None),
    ],
)
def test_copy_sources(value: str, bucket: str, key: str, version_id: str | None) -> None:
    """Bucket, key and version of a copy source are decoded once, as stores do."""
    target, version = copy_source.parse(value)
    assert (target.bucket, target.key, version) == (bucket, key, version_id)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "InvalidArgument"),
        ("bucket", "InvalidArgument"),
        ("bucket/", "InvalidArgument"),
        ("//bucket/key", "InvalidArgument"),
        ("bucket/%zz", "InvalidArgument"),
        ("bucket/a?versionId=1&versionId=2", "InvalidArgument"),
        ("127.0.0.1:80%3F/key", "InvalidBucketName"),
        ("arn:aws:s3:eu-west-1:1:accesspoint/a/object/k", "InvalidBucketName"),
    ],
)
def test_other_copy_sources_are_refused(value: str, code: str) -> None:
    """A copy source that can be read in two ways, or names no bucket, is refused."""
    with pytest.raises(S3Error) as raised:
        copy_source.parse(value)
    assert raised.value.code == code
