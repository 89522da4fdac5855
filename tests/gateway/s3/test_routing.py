"""Test targets and operations of requests."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.routing import Target, key_target, locate, object_target, operation
from tests.config.builders import steady

_DOMAINS = ["s3.example.com", "Gateway.Local"]
_PLAIN = "s3.example.com"

_PATH_STYLE = [
    ("/", "", "", ""),
    ("", "", "", ""),
    ("/bucket", "bucket", "", ""),
    ("/bucket/", "bucket", "", ""),
    ("/bucket/key", "bucket", "key", "key"),
    ("/bucket/a/b/c.jpg", "bucket", "a/b/c.jpg", "a/b/c.jpg"),
    ("/bucket/folder/", "bucket", "folder/", "folder/"),
    ("/bucket//key", "bucket", "/key", "/key"),
    ("/bucket/a//b", "bucket", "a//b", "a//b"),
    ("/bucket/./a/../b", "bucket", "./a/../b", "./a/../b"),
    ("/bucket/..", "bucket", "..", ".."),
    ("/bucket/%2e%2E/x", "bucket", "../x", "../x"),
    ("/bucket/a%2Fb", "bucket", "a/b", "a/b"),
    ("/bucket/a%20b", "bucket", "a b", "a%20b"),
    ("/bucket/a+b", "bucket", "a+b", "a%2Bb"),
    ("/bucket/a b", "bucket", "a b", "a%20b"),
    ("/bucket/50%25", "bucket", "50%", "50%25"),
    ("/bucket/%252F", "bucket", "%2F", "%252F"),
    ("/bucket/a%3Fb%23c", "bucket", "a?b#c", "a%3Fb%23c"),
    ("/bucket/-_.~", "bucket", "-_.~", "-_.~"),
    ("/bucket/(x)!*'", "bucket", "(x)!*'", "%28x%29%21%2A%27"),
    ("/bucket/Z%C3%BCrich", "bucket", "Zürich", "Z%C3%BCrich"),
    ("/bucket/z%c3%bcrich", "bucket", "zürich", "z%C3%BCrich"),
    ("/bucket/Zürich", "bucket", "Zürich", "Z%C3%BCrich"),
    ("/bucket/%F0%9F%93%B7.jpg", "bucket", "📷.jpg", "%F0%9F%93%B7.jpg"),
    ("/bucket/%FF", "bucket", "\udcff", "%FF"),
    ("/bucket/a\udcffb", "bucket", "a\udcffb", "a%FFb"),
    ("/bucket/%00", "bucket", "\0", "%00"),
    ("/my%2Dbucket/key", "my-bucket", "key", "key"),
]


@pytest.mark.parametrize(("raw_path", "bucket", "key", "quoted_key"), _PATH_STYLE)
def test_path_style(raw_path: str, bucket: str, key: str, quoted_key: str) -> None:
    """The first segment of the path is the bucket, all the rest is the key, kept as it is."""
    assert locate(raw_path, _PLAIN, _DOMAINS) == Target(bucket, key, quoted_key)


@pytest.mark.parametrize(
    ("host", "raw_path", "bucket", "key"),
    [
        ("bucket.s3.example.com", "/key", "bucket", "key"),
        ("bucket.s3.example.com:9000", "/key", "bucket", "key"),
        ("BUCKET.S3.Example.COM", "/Key", "bucket", "Key"),
        ("bucket.gateway.local", "/a/b", "bucket", "a/b"),
        ("my.dotted.bucket.s3.example.com", "/key", "my.dotted.bucket", "key"),
        ("bucket.s3.example.com", "/", "bucket", ""),
        ("bucket.s3.example.com", "", "bucket", ""),
        ("bucket.s3.example.com", "//key", "bucket", "/key"),
        ("bucket.s3.example.com", "/%C3%BC", "bucket", "ü"),
        ("s3.example.com", "/bucket/key", "bucket", "key"),
        ("s3.example.com:80", "/bucket/key", "bucket", "key"),
        (".s3.example.com", "/bucket/key", "bucket", "key"),
        ("xs3.example.com", "/bucket/key", "bucket", "key"),
        ("bucket.elsewhere.example", "/bucket/key", "bucket", "key"),
        ("localhost:9000", "/bucket/key", "bucket", "key"),
        ("127.0.0.1", "/bucket/key", "bucket", "key"),
        ("[::1]:9000", "/bucket/key", "bucket", "key"),
        ("[::1]", "/bucket/key", "bucket", "key"),
        ("", "/bucket/key", "bucket", "key"),
    ],
)
def test_virtual_host_style(host: str, raw_path: str, bucket: str, key: str) -> None:
    """A bucket stands before one of the domains in the host; any other host means path style."""
    target = locate(raw_path, host, _DOMAINS)
    assert (target.bucket, target.key) == (bucket, key)


def test_without_domains_every_host_is_path_style() -> None:
    """Without domains, no host names a bucket."""
    assert Target("aaa", "b", "b") == locate("/aaa/b", "bucket.s3.example.com", [])


@pytest.mark.parametrize("raw_path", ["/bucket/%", "/bucket/a%2", "/bucket/%zz", "/bucket/a%-1b"])
def test_broken_escapes_are_refused(raw_path: str) -> None:
    """A key with a broken percent escape is an invalid URI."""
    with pytest.raises(S3Error) as raised:
        locate(raw_path, _PLAIN, _DOMAINS)
    assert "InvalidURI" in str(raised.value)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (Target("", "", ""), "/"),
        (Target("bucket", "", ""), "/bucket"),
        (Target("bucket", "a b", "a%20b"), "/bucket/a%20b"),
        (Target("bucket", "/a", "/a"), "/bucket//a"),
        (Target("tenant:bucket", "k", "k"), "/tenant%3Abucket/k"),
        (Target("tenant$bucket", "k", "k"), "/tenant%24bucket/k"),
    ],
)
def test_paths_are_path_style(target: Target, path: str) -> None:
    """The path of a target is path-style and percent-encoded."""
    assert target.path == path


@pytest.mark.parametrize(
    "bucket",
    [
        "ab", "x" * 256, "..", "a b", "a/b", "a\\b", "a?b", "a#b", "a@b.c", "u:p@host", "a%2Fb",
        "a\nb", "a\r\nX: 1", "a\0b", "127.0.0.1:80/x?", "[::1]:80", "a:b:cde", "::abc",
        "tenant:ab", "te-nant:bucket", "bücket", "bucket\u0661", "bucket\n", "\udcff\udcff\udcff",
        "\U0001d41bucket",
    ],
)  # fmt: skip
def test_what_is_no_bucket_name_is_refused(bucket: str) -> None:
    """No text but the name of a bucket becomes part of a target, wherever it comes from."""
    quoted = quote(bucket, safe="", errors="surrogateescape")
    attempts: list[Callable[[], Target]] = [
        lambda: Target(bucket, "", ""),
        lambda: key_target(bucket, "k"),
        lambda: object_target(quoted, "k"),
        lambda: locate(f"/{quoted}/k", _PLAIN, _DOMAINS),
    ]
    for attempt in attempts:
        with pytest.raises(S3Error, match="InvalidBucketName"):
            attempt()


@pytest.mark.parametrize(
    "bucket",
    [
        "abc", "x" * 255, "a.b", "...", "Capital", "under_score", "_abc", "dashed-", "two..dots",
        "192.168.5.123", "tenant:bucket", "tenant$bucket", ":bucket", "T_1:b.c",
    ],
)  # fmt: skip
def test_names_of_old_and_of_other_stores_are_taken(bucket: str) -> None:
    """A name that any store may have given is a bucket name."""
    assert locate(f"/{quote(bucket)}/k", _PLAIN, _DOMAINS).bucket == bucket


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:80/by-host?.s3.example.com", "u@s3.example.com", "a b.s3.example.com",
        "ü.example", "s3.example.com:8²", "s3.example.com:80:80", "[::1", "::1", "a,b",
        "s3.example.com:123456", "bucket%2f.s3.example.com", "bucket.s3.example.com\n",
        "\udcff.s3.example.com",
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused(host: str) -> None:
    """A Host header that is no host with a port is a bad request (RFC 9112, section 3.2)."""
    with pytest.raises(S3Error, match="BadRequest"):
        locate("/bucket/key", host, _DOMAINS)


@pytest.mark.parametrize("raw_path", ["*", "host:443", "HTTP://elsewhere/bucket/key", "bucket/key"])
def test_what_is_no_path_is_refused(raw_path: str) -> None:
    """A request target that is neither a path nor an absolute URL is an invalid URI."""
    with pytest.raises(S3Error, match="InvalidURI"):
        locate(raw_path, _PLAIN, _DOMAINS)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@steady
@given(st.from_regex(r"[a-z0-9.-]{3,20}", fullmatch=True), _TEXT)
def test_paths_lead_back_to_their_target(bucket: str, key: str) -> None:
    """Any key survives being spelled as a path and read again, in both styles."""
    target = locate(f"/{bucket}/{key}".replace("%", "%25"), _PLAIN, _DOMAINS)
    assert (target.bucket, target.key) == (bucket, key)
    assert target == locate(target.path, _PLAIN, _DOMAINS)
    assert target == object_target(bucket, target.quoted_key)
    assert target == locate(f"/{target.quoted_key}", f"{bucket}.{_PLAIN}", _DOMAINS)


_SERVICE, _BUCKET = Target("", "", ""), Target("bucket", "", "")
_OBJECT = Target("bucket", "key", "key")

_OPERATIONS: list[tuple[str, Target, set[str], bool, str]] = [
    ("GET", _OBJECT, set(), False, "GetObject"),
    ("GET", _OBJECT, {"versionId"}, False, "GetObject"),
    ("GET", _OBJECT, {"partNumber"}, False, "GetObject"),
    ("GET", _OBJECT, {"response-content-type", "X-Amz-Signature"}, False, "GetObject"),
    ("GET", _OBJECT, {"x-id"}, False, "GetObject"),
    ("GET", _OBJECT, set(), True, "GetObject"),
    ("HEAD", _OBJECT, {"versionId"}, False, "HeadObject"),
    ("PUT", _OBJECT, set(), False, "PutObject"),
    ("PUT", _OBJECT, {"x-id"}, False, "PutObject"),
    ("PUT", _OBJECT, set(), True, "CopyObject"),
    ("PUT", _OBJECT, {"uploadId", "partNumber"}, True, "CopyObject"),
    ("PUT", _OBJECT, {"uploadId", "partNumber"}, False, "Other"),
    ("POST", _OBJECT, {"uploads"}, False, "CreateMultipartUpload"),
    ("POST", _OBJECT, {"uploadId"}, False, "CompleteMultipartUpload"),
    ("GET", _OBJECT, {"attributes", "versionId"}, False, "GetObjectAttributes"),
    ("HEAD", _OBJECT, {"attributes"}, False, "Other"),
    ("PUT", _OBJECT, {"attributes"}, False, "Other"),
    ("GET", _OBJECT, {"uploads"}, False, "Other"),
    ("POST", _OBJECT, {"select", "select-type"}, False, "Other"),
    ("POST", _OBJECT, set(), True, "Other"),
    ("DELETE", _OBJECT, set(), False, "Other"),
    ("DELETE", _OBJECT, {"uploadId"}, False, "Other"),
    ("OPTIONS", _OBJECT, set(), False, "Other"),
    *(
        (method, _OBJECT, {name}, False, "Other")
        for method in ("GET", "HEAD", "PUT")
        for name in ("acl", "tagging", "retention", "legal-hold", "torrent",
                     "uploadId", "restore", "renameObject")
    ),
    ("GET", _BUCKET, set(), False, "ListObjects"),
    ("GET", _BUCKET, {"list-type", "prefix", "continuation-token"}, False, "ListObjects"),
    ("GET", _BUCKET, {"versions", "key-marker"}, False, "ListObjects"),
    ("HEAD", _BUCKET, set(), False, "Other"),
    ("PUT", _BUCKET, set(), False, "Other"),
    ("PUT", _BUCKET, set(), True, "Other"),
    ("POST", _BUCKET, {"delete"}, False, "Other"),
    ("DELETE", _BUCKET, set(), False, "Other"),
    *(
        ("GET", _BUCKET, {name}, False, "Other")
        for name in ("acl", "cors", "encryption", "lifecycle", "location", "logging", "metrics",
                     "notification", "object-lock", "ownershipControls", "policy", "policyStatus",
                     "publicAccessBlock", "replication", "requestPayment", "session", "tagging",
                     "uploads", "versioning", "website", "accelerate", "analytics", "inventory",
                     "intelligent-tiering")
    ),
    ("GET", _SERVICE, set(), False, "Other"),
    ("PUT", _SERVICE, set(), True, "Other"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target", "query", "copies", "expected"), _OPERATIONS)
def test_operations(
    method: str, target: Target, query: set[str], copies: bool, expected: str
) -> None:
    """Method, target, sub-resources and a copy source together name the operation."""
    assert operation(method, target, query, copies) == expected
