"""Tests of which headers and parameters travel, and which stay."""

from collections.abc import Callable

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.errors import S3Error

_META = "x-amz-meta-"


def _names(found: CIMultiDict[str]) -> list[str]:
    return [name.lower() for name in found]


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "Connection", "Content-Length", "Date", "Expect", "Host",
        "HTTP2-Settings", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade", "X-Amz-Content-SHA256", "X-Amz-Date",
        "X-Amz-Decoded-Content-Length", "X-Amz-Security-Token", "X-Amz-Trailer", "X-Slimgate-Raw",
    ],
)  # fmt: skip
@pytest.mark.parametrize("spelled", [str.lower, str.upper, str.title])
def test_what_signs_or_frames_a_request_stays(name: str, spelled: Callable[[str], str]) -> None:
    """Signatures, framing and connection headers are not forwarded, however they are spelled."""
    assert not headers.forwardable([(spelled(name), "x")])


@pytest.mark.parametrize(
    "name",
    [
        "Cache-Control", "Content-MD5", "Content-Type", "If-Match", "Range", "X-Amz-Acl",
        "X-Amz-Checksum-CRC32", "X-Amz-Copy-Source", "X-Amz-Meta-Colour", "X-Amz-Tagging", "X-New",
    ],
)  # fmt: skip
def test_everything_else_is_forwarded(name: str) -> None:
    """Unknown headers pass with their values."""
    assert list(headers.forwardable([(name, "a, b ; c")]).items()) == [(name, "a, b ; c")]


def test_repeated_headers_are_joined() -> None:
    """A repeated header is forwarded once, with its values in order."""
    sent = [("X-Amz-Meta-A", "1"), ("X-Other", "x"), ("x-amz-meta-a", "2"), ("X-AMZ-META-A", "3")]
    found = headers.forwardable(sent)
    assert {k.lower(): v for k, v in found.items()} == {"x-amz-meta-a": "1,2,3", "x-other": "x"}
    assert sorted(_names(found)) == sorted(set(_names(found)))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("aws-chunked", None),
        ("AWS-Chunked", None),
        ("aws-chunked,", None),
        ("aws-chunked,gzip", "gzip"),
        ("gzip, aws-chunked", "gzip"),
        ("gzip , aws-chunked , br", "gzip,br"),
        ("gzip", "gzip"),
        ("gzip, br", "gzip, br"),
        ("x-aws-chunked", "x-aws-chunked"),
    ],
)
def test_aws_chunked_is_no_content_encoding(sent: str, kept: str | None) -> None:
    """The transfer's framing is taken out of the object's encodings, the rest stays."""
    found = headers.forwardable([("Content-Encoding", sent)])
    assert found.get("Content-Encoding") == kept


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("", False), ("identity", False), ("base64", False), ("UTF-8", False),
        ("binary,utf8", False),
        ("gzip", True), ("base64, gzip", True), ("br", True), ("unheard-of", True),
    ],
)  # fmt: skip
def test_some_encodings_change_no_bytes(value: str, encoded: bool) -> None:
    """Names of transfer encodings and character sets say nothing about bytes that are an image."""
    assert headers.is_encoded(CIMultiDict({"content-encoding": value})) == encoded


def test_digests_of_the_body_are_dropped() -> None:
    """Headers about the uploaded bytes are not forwarded with other bytes."""
    sent = CIMultiDict(
        {"Content-MD5": "x", "X-Amz-Checksum-CRC32": "x", "x-amz-checksum-algorithm": "x",
         "X-Amz-Sdk-Checksum-Algorithm": "x", "Content-Type": "image/png", "x-amz-meta-a": "b"}
    )  # fmt: skip
    assert _names(headers.without_body_digests(sent)) == ["content-type", "x-amz-meta-a"]


def test_named_headers_are_dropped() -> None:
    """Headers are dropped by their lower-case names, the others stay with their values."""
    sent = CIMultiDict({"Range": "x", "If-Match": "y", "Accept": "z"})
    assert dict(headers.without(sent, headers.CONDITIONS)) == {"Accept": "z"}


def test_requests_of_our_own_keep_who_asks() -> None:
    """Requester pays and expected owner also apply to the gateway's own requests."""
    sent = CIMultiDict(
        {"X-Amz-Request-Payer": "requester", "X-Amz-Expected-Bucket-Owner": "1", "Range": "x"}
    )
    expected = {"X-Amz-Request-Payer": "requester", "X-Amz-Expected-Bucket-Owner": "1", "A": "b"}
    assert dict(headers.caller_headers(sent, {"A": "b"})) == expected


def test_responses_lose_connection_headers_only() -> None:
    """Responses reach the client without headers of the upstream connection."""
    sent = [
        ("Connection", "x"),
        ("Transfer-Encoding", "x"),
        ("Keep-Alive", "x"),
        ("Upgrade", "x"),
        ("ETag", '"e"'),
        ("Set-Cookie", "a"),
        ("Set-Cookie", "b"),
        ("Content-Length", "3"),
    ]
    expected = [("ETag", '"e"'), ("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Content-Length", "3")]
    assert list(headers.end_to_end(sent).items()) == expected


@pytest.mark.parametrize(
    "name",
    [
        headers.MANIFEST, f"{headers.MANIFEST}-other", "x-amz-checksum-sha256",
        "x-amz-checksum-type", f"{_META}md5chksum", "x-amz-transfer-encoding",
        "x-amz-mp-parts-count", "content-range", "connection",
    ],
)  # fmt: skip
def test_managed_objects_hide_contradictions(name: str) -> None:
    """Headers of the rendition are hidden, and so are MD5s that clients would compare."""
    for spelled in (name, name.upper(), name.title()):
        assert not headers.client_metadata([(spelled, "x")])


def test_managed_objects_show_the_rest() -> None:
    """All other headers of a managed object are shown as they are stored."""
    stored = [
        ("X-Amz-Meta-Colour", "red"),
        ("Cache-Control", "x"),
        ("x-amz-version-id", "1"),
        ("Last-Modified", "x"),
        ("x-amz-meta-md5", "x"),
        ("x-amz-meta-slim", "x"),
    ]
    assert stored == list(headers.client_metadata(stored).items())


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("atime:1/ctime:2/md5:0f/mode:3", "atime:1/ctime:2/mode:3"),
        ("md5:0f", ""),
        ("md5:0f/mode:3", "mode:3"),
        ("mode:3/uname:md5", "mode:3/uname:md5"),
        ("mode:3", "mode:3"),
        ("", ""),
    ],
)
def test_the_md5_of_s3cmd_is_hidden(stored: str, shown: str) -> None:
    """Of s3cmd's attributes only the MD5 is removed."""
    found = headers.client_metadata([("X-Amz-Meta-S3cmd-Attrs", stored)])
    assert list(found.values()) == [shown]


@pytest.mark.parametrize(
    ("known", "names", "expected"),
    [
        ([], ["a"], ["a"]),
        (["Origin"], ["a"], ["Origin, a"]),
        (["Origin", "b"], ["a"], ["Origin, b, a"]),
        (["Origin, A"], ["a"], ["Origin, A"]),
        (["*"], ["a"], ["*"]),
        (["a"], [" A ", " b"], ["a, b"]),
        ([""], ["a"], ["a"]),
    ],
)
def test_vary_names_everything_once(
    known: list[str], names: list[str], expected: list[str]
) -> None:
    """Names are added to what the store says, and none of that is lost."""
    shown = CIMultiDict([("Vary", value) for value in known])
    headers.vary_by(shown, *names)
    assert shown.getall("Vary") == expected


def test_no_cache_may_keep_what_is_not_for_caches() -> None:
    """The upload's caching headers do not apply to the rendition."""
    shown = CIMultiDict({"cache-control": "public", "expires": "tomorrow", "etag": '"a"'})
    headers.forbid_caching(shown)
    expected = {"cache-control": "no-store", "vary": "x-slimgate-raw", "etag": '"a"'}
    assert {name.lower(): value for name, value in shown.items()} == expected


def test_what_belongs_to_one_connection_stays_there() -> None:
    """Headers of the store that its Connection names are not passed on."""
    said = [("Connection", "close, X-Hop"), ("x-hop", "1"), ("ETag", '"a"'), ("keep-alive", "5")]
    assert list(headers.end_to_end(said)) == ["ETag"]


@pytest.mark.parametrize("named", ["If-Match", "keep-alive , IF-MATCH", "close,,if-match"])
def test_no_client_has_a_header_dropped(named: str) -> None:
    """A condition that a proxy may have checked reaches the store, or the request is refused."""
    said = CIMultiDict([("Connection", "te"), ("Connection", named), ("if-match", '"a"')])
    with pytest.raises(S3Error, match="must not name if-match"):
        headers.check_connection(CIMultiDictProxy(said))


@pytest.mark.parametrize(
    "named",
    ["keep-alive, Upgrade", "Upgrade, HTTP2-Settings", "TE", "close", "x-not-there", ""],
)
def test_ordinary_connections_pass(named: str) -> None:
    """Everything that clients say of their connection is accepted, also Java's offer of HTTP/2."""
    said = CIMultiDict({"Connection": named, "Upgrade": "h2c", "TE": "trailers", "If-Match": "*"})
    said["HTTP2-Settings"] = "AAEAAEAA"
    headers.check_connection(CIMultiDictProxy(said))
