"""Headers that stand in a query count as the headers that they are."""

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

import pytest

from slimgate.gateway.s3.headers import MANIFEST
from tests.e2e import images, wire
from tests.servers.server import S3Server

_FILE: Final = images.jpeg()
_TEXT: Final = b"no image"
_Digest = Callable[[bytes], bytes]
_CUSTOMER: Final = "x-amz-server-side-encryption-customer"


def _put(
    gateway: S3Server, path: str, carried: dict[str, str], body: bytes, **headers: str
) -> wire.Answer:
    """Upload by a presigned URL that carries headers."""
    query = urlencode(carried, quote_via=quote)
    url = wire.presigned(gateway, f"{path}?{query}" if query else path, method="PUT")
    return wire.send(gateway, "PUT", url, {"Host": gateway.host, **headers}, body)


def _stored(direct: Any, bucket: str, key: str = "k") -> dict[str, Any]:
    head: dict[str, Any] = direct.head_object(Bucket=bucket, Key=key)
    return head


@pytest.mark.parametrize(
    "name",
    [MANIFEST, "X-Amz-Meta-Slimgate", "x_amz_meta_slimgate", f"{MANIFEST} ", f"{MANIFEST}-x"],
)
@pytest.mark.parametrize("signed", ["in the query", "in a header", "by nobody"])
def test_no_manifest_comes_in_a_query(
    direct: Any, gateway: S3Server, plain: str, name: str, signed: str
) -> None:
    """A manifest in the query is refused, however it is spelled or signed."""
    note = '{"v":1}'
    path = f"/{plain}/k?{quote(name)}={quote(note, safe='')}"
    if signed == "in the query":
        answer = _put(gateway, f"/{plain}/k", {name: note}, _TEXT)
    elif signed == "in a header":
        answer = wire.ask(gateway, "PUT", path, body=_TEXT)
    else:
        answer = wire.send(gateway, "PUT", path, {"Host": gateway.host}, _TEXT)
    assert answer.failure == (400, "InvalidRequest")
    assert "Contents" not in direct.list_objects_v2(Bucket=plain)


def test_a_copy_in_a_query_is_a_copy(s3: Any, direct: Any, gateway: S3Server, photos: str) -> None:
    """A copy source in the query makes a copy, whose manifest survives new metadata."""
    s3.put_object(Bucket=photos, Key="a", Body=_FILE, Metadata={"old": "1"})
    carried = {
        "x-amz-copy-source": f"/{photos}/a",
        "x-amz-metadata-directive": "REPLACE",
        "x-amz-meta-new": "2",
    }
    answer = _put(gateway, f"/{photos}/k", carried, b"")
    assert answer.failure == (200, "")
    assert _stored(direct, photos)["Metadata"].keys() == {"slimgate", "new"}
    assert s3.head_object(Bucket=photos, Key="k")["ContentLength"] == len(_FILE)


def test_metadata_in_a_query_is_stored(s3: Any, gateway: S3Server, photos: str) -> None:
    """Metadata of a presigned upload is that of the object, managed or not."""
    for key, body in (("k", _FILE), ("t", _TEXT)):
        carried = {"x-amz-meta-my-colour": "deep red +1", "x-amz-storage-class": "STANDARD"}
        assert _put(gateway, f"/{photos}/{key}", carried, body).status == 200
        head = s3.head_object(Bucket=photos, Key=key)
        assert head["Metadata"] == {"my-colour": "deep red +1"}
        assert ("x-slimgate-tier" in head["ResponseMetadata"]["HTTPHeaders"]) == (key == "k")


def test_customer_keys_in_a_query_keep_an_image_as_it_is(
    s3: Any, gateway: S3Server, upstream: S3Server, photos: str
) -> None:
    """Objects encrypted with a customer's own key are stored as uploaded."""
    if not upstream.is_moto:
        pytest.skip("Ceph takes such keys over https only")
    key = bytes(32)
    carried = {
        f"{_CUSTOMER}-algorithm": "AES256",
        f"{_CUSTOMER}-key": base64.b64encode(key).decode(),
        f"{_CUSTOMER}-key-MD5": base64.b64encode(_md5(key)).decode(),
    }
    answer = _put(gateway, f"/{photos}/k", carried, _FILE)
    assert answer.failure == (200, "")
    assert "x-slimgate-tier" not in answer.headers
    assert s3.get_object(Bucket=photos, Key="k")["Body"].read() == _FILE


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _crc32(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@pytest.mark.parametrize("body", [_FILE, _TEXT], ids=["image", "text"])
@pytest.mark.parametrize(("name", "digest"), [("crc32", _crc32), ("sha256", _sha256)])
def test_checksums_in_a_query_are_verified(
    direct: Any, gateway: S3Server, photos: str, body: bytes, name: str, digest: _Digest
) -> None:
    """A checksum in a presigned URL is compared with the upload."""
    header = f"x-amz-checksum-{name}"
    right, wrong = (base64.b64encode(digest(data)).decode() for data in (body, b"other"))
    answer = _put(gateway, f"/{photos}/k", {header: wrong}, body)
    assert answer.failure == (400, "BadDigest")
    assert "Contents" not in direct.list_objects_v2(Bucket=photos)
    answer = _put(gateway, f"/{photos}/k", {header: right}, body)
    assert answer.failure == (200, "")
    assert answer.headers[header] == right


@pytest.mark.parametrize(
    ("carried", "headers"),
    [
        ("x-amz-meta-a=1&x-amz-meta-a=1", {}),
        ("x-amz-meta-a=1&X-Amz-Meta-A=2", {}),
        ("x-amz-meta-a=1", {"x-amz-meta-a": "2"}),
        ("x-amz-meta-a=1%0D%0Ax-amz-meta-slimgate%3Ax", {}),
    ],
)
def test_what_contradicts_itself_is_refused(
    direct: Any, gateway: S3Server, plain: str, carried: str, headers: dict[str, str]
) -> None:
    """A header that is said twice, or with line ends in it, is refused."""
    path = f"/{plain}/k?{carried}"
    answer = wire.send(gateway, "PUT", path, wire.signed(gateway, "PUT", path, headers), _TEXT)
    assert answer.failure == (400, "InvalidArgument")
    assert "Contents" not in direct.list_objects_v2(Bucket=plain)


@pytest.mark.parametrize(
    "name", ["x_amz_copy_source", "X-Amz_Copy-Source", "content_type", "x_amz_meta_slimgate"]
)
def test_headers_with_underscores_are_refused(
    s3: Any, gateway: S3Server, photos: str, name: str
) -> None:
    """Stores that follow CGI would take them for headers that nothing has checked."""
    s3.put_object(Bucket=photos, Key="a", Body=_FILE)
    answer = wire.ask(gateway, "PUT", f"/{photos}/k", {name: f"/{photos}/a"})
    assert (answer.status, answer.code) in {(400, "InvalidArgument"), (400, "InvalidRequest")}


def test_metadata_keys_may_have_underscores(s3: Any, photos: str) -> None:
    """Clients name their metadata as they like."""
    for key, body in (("k", _FILE), ("t", _TEXT)):
        s3.put_object(Bucket=photos, Key=key, Body=body, Metadata={"my_key": "1"})
        metadata = s3.head_object(Bucket=photos, Key=key)["Metadata"]
        assert {name.replace("_", "-"): value for name, value in metadata.items()} == {
            "my-key": "1"
        }


@pytest.mark.parametrize("bucket", ["plain", "photos"])
def test_the_sdk_for_javascript_signs_uploads(
    direct: Any, gateway: S3Server, request: pytest.FixtureRequest, bucket: str
) -> None:
    """It signs the checksum of an empty body into the URL, which S3 does not heed."""
    name: str = request.getfixturevalue(bucket)
    carried = {
        "x-amz-checksum-crc32": "AAAAAA==",
        "x-amz-sdk-checksum-algorithm": "CRC32",
        "x-id": "PutObject",
    }
    answer = _put(gateway, f"/{name}/k", carried, _FILE)
    assert answer.failure == (200, "")
    assert wire.ask(gateway, "HEAD", f"/{name}/k").headers["Content-Length"] == str(len(_FILE))
    assert ("slimgate" in _stored(direct, name)["Metadata"]) == (bucket == "photos")


def test_presigned_reads_of_current_sdks_are_served(
    s3: Any, gateway: S3Server, photos: str
) -> None:
    """URLs that ask for a checksum, as the SDK for JavaScript makes them, return the image."""
    s3.put_object(Bucket=photos, Key="k", Body=_FILE)
    for key, size in (("k", len(_FILE)), ("none", None)):
        path = f"/{photos}/{key}?x-amz-checksum-mode=ENABLED&x-id=GetObject"
        answer = wire.send(gateway, "GET", wire.presigned(gateway, path), {"Host": gateway.host})
        assert answer.status == (404 if size is None else 200)
        assert size is None or len(answer.body) == size
