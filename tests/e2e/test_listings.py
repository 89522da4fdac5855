from typing import Any
from urllib.parse import quote, unquote

import pytest
from defusedxml.ElementTree import fromstring

from tests.conftest import NewBucket
from tests.e2e import images, wire
from tests.servers.clients import s3_client
from tests.servers.server import S3Server

_FILE = images.jpeg(200, 120)
_KEYS = (
    "simple", "with space", "plus+sign", "percent%2Fslash", "a/b/c.jpg", "a/b/d.jpg", "a/e",
    "question?mark", "amper&sand", "equal=s", "hash#tag", "quote'\"s", "less<more>", "tilde~",
    "star*", "colon:", "semi;colon", "ümläut", "日本語.jpg", "emoji😀", "x" * 1024, "comma,", "@at",
    "dots..in..it", ".hidden", "back\\slash", "(brackets)[]{}", "dollar$", "100%",
)  # fmt: skip
_ODD_PATHS = ("double//slash", "/leading", "dot/./dot", "up/../up", "trailing.", "a//")


@pytest.fixture(scope="module")
def filled(s3: Any, direct: Any, upstream: S3Server) -> tuple[str, list[str]]:
    """Make a bucket with images and texts in turn under odd keys."""
    bucket = f"photos-listing-{'moto' if upstream.is_moto else 'rgw'}"
    direct.create_bucket(Bucket=bucket)
    keys = [*_KEYS, *(() if upstream.is_moto else _ODD_PATHS)]
    for number, key in enumerate(keys):
        s3.put_object(
            Bucket=bucket, Key=key, Body=b"text" if number % 2 or key.endswith("/") else _FILE
        )
    return bucket, sorted(keys, key=str.encode)


@pytest.fixture(params=["gateway", "forgetful"])
def reader(request: pytest.FixtureRequest) -> S3Server:
    """Return a gateway that knows all objects, and one that has to look at each."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


def _shown(pages: Any, name: str = "Contents") -> list[tuple[str, int, str]]:
    return [(e["Key"], e["Size"], e["ETag"]) for page in pages for e in page.get(name, [])]


def test_keys_are_kept(s3: Any, direct: Any, filled: tuple[str, list[str]]) -> None:
    """Whatever a key looks like, it is the same one in the bucket."""
    bucket, keys = filled
    pages = direct.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    assert keys == [key for key, _, _ in _shown(pages)]
    for key in keys:
        stored = direct.head_object(Bucket=bucket, Key=key)
        shown = s3.head_object(Bucket=bucket, Key=key)
        managed = "slimgate" in stored["Metadata"]
        assert (len(_FILE) if managed else 4, key) == (shown["ContentLength"], key)


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "list_object_versions"])
@pytest.mark.parametrize("page_size", [7, 1000])
def test_pages_show_what_head_shows(
    reader: S3Server, s3: Any, filled: tuple[str, list[str]], operation: str, page_size: int
) -> None:
    """Sizes and ETags of every listing, page by page, are those of HEAD."""
    bucket, keys = filled
    if operation.endswith("versions") and "moto" in bucket:
        pytest.skip("moto lists the version 'null' and does not know it")
    with s3_client(reader) as client:
        paginator = client.get_paginator(operation)
        pages = paginator.paginate(Bucket=bucket, PaginationConfig={"PageSize": page_size})
        name = "Versions" if operation.endswith("versions") else "Contents"
        shown = _shown(pages, name)
    heads = [s3.head_object(Bucket=bucket, Key=key) for key in keys]
    expected = [(k, h["ContentLength"], h["ETag"]) for k, h in zip(keys, heads, strict=True)]
    assert sorted(shown, key=lambda entry: entry[0].encode()) == expected


@pytest.mark.parametrize("prefix", ["", "a/", "a/b/", "quest", "日", "none"])
@pytest.mark.parametrize("delimiter", ["", "/", " "])
def test_prefixes_and_delimiters(
    reader: S3Server, direct: Any, filled: tuple[str, list[str]], prefix: str, delimiter: str
) -> None:
    """Keys and common prefixes are the upstream's, for every prefix and delimiter."""
    arguments = {"Bucket": filled[0], "Prefix": prefix, "Delimiter": delimiter}
    with s3_client(reader) as client:
        through = client.list_objects_v2(**arguments)
    straight = direct.list_objects_v2(**arguments)
    for page in (through, straight):
        page["Contents"] = [entry["Key"] for entry in page.get("Contents", [])]
    names = ["Contents", "CommonPrefixes", "KeyCount", "Prefix", "IsTruncated"]
    assert [straight.get(name) for name in names] == [through.get(name) for name in names]


def test_encoded_and_bare_listings(reader: S3Server, filled: tuple[str, list[str]]) -> None:
    """A listing without encoding-type has the keys themselves, one with it their encoding."""
    bucket, keys = filled
    bare, encoded = (
        wire.ask(reader, "GET", f"/{bucket}?{query}list-type=2")
        for query in ("", "encoding-type=url&")
    )
    assert set(keys) == set(_texts(bare.body, "Key"))
    listed = [key.replace("+", "%20") for key in _texts(encoded.body, "Key")]
    assert {quote(key, safe="/") for key in keys} == {_normal(key) for key in listed}
    sizes = set(_texts(bare.body, "Size"))
    assert set(_texts(encoded.body, "Size")) == sizes == {str(len(_FILE)), "4"}


def _texts(page: bytes, name: str) -> list[str]:
    return [e.text or "" for e in fromstring(page).iter() if e.tag.rpartition("}")[2] == name]


def _normal(encoded: str) -> str:
    # Servers differ in which of the characters that need no encoding they encode.
    return quote(unquote(encoded), safe="/")


def test_buckets_without_policy(s3: Any, direct: Any, new_bucket: NewBucket) -> None:
    """A bucket that no policy names is listed as the upstream lists it."""
    bucket = new_bucket("plain")
    s3.put_object(Bucket=bucket, Key="k", Body=_FILE)
    through, straight = (client.list_objects_v2(Bucket=bucket) for client in (s3, direct))
    assert straight["Contents"] == through["Contents"]
