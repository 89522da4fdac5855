"""One path per S3 operation: a client, the gateway, a bucket. ``tests/e2e`` has all the others."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError
from urllib3 import encode_multipart_formdata

from tests.e2e import images, wire
from tests.servers.clients import failure
from tests.servers.server import S3Server

_FILE: Final = images.jpeg()
_CORS: Final = {
    "CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"]}]
}


@pytest.fixture
def image(s3: Any, photos: str) -> dict[str, str]:
    """Store an image that becomes small."""
    said = {"ContentType": "image/jpeg", "Metadata": {"a": "1"}}
    s3.put_object(Bucket=photos, Key="k", Body=_FILE, **said)
    return {"Bucket": photos, "Key": "k"}


@pytest.fixture
def upload(s3: Any, photos: str) -> dict[str, str]:
    """Begin an upload in parts."""
    target = {"Bucket": photos, "Key": "parts"}
    return {**target, "UploadId": s3.create_multipart_upload(**target)["UploadId"]}


def _body(s3: Any, target: Mapping[str, str]) -> bytes:
    body: bytes = s3.get_object(**target)["Body"].read()
    return body


def _keys(listing: Any) -> list[str]:
    return [entry["Key"] for entry in listing.get("Contents", ())]


def test_put_object(s3: Any, direct: Any, photos: str) -> None:
    """PutObject answers with the MD5 of the upload and stores a smaller rendition."""
    answer = s3.put_object(Bucket=photos, Key="k", Body=_FILE)
    stored = direct.head_object(Bucket=photos, Key="k")
    digest = hashlib.md5(_FILE, usedforsecurity=False).hexdigest()
    assert answer["ETag"] == f'"{digest}"'
    assert stored["ContentType"] == "image/avif"
    assert stored["ContentLength"] < len(_FILE)


def test_get_object(s3: Any, image: dict[str, str]) -> None:
    """GetObject restores format, size and metadata of the upload, above the floor."""
    got = s3.get_object(**image)
    restored = got["Body"].read()
    assert images.opened(restored).format == "JPEG"
    assert len(restored) == len(_FILE)
    assert (got["ContentType"], got["Metadata"]) == ("image/jpeg", {"a": "1"})
    assert images.score(_FILE, restored) >= images.FLOOR_SCORE


def test_get_object_range(s3: Any, image: dict[str, str]) -> None:
    """A range of GetObject is cut from the restored file."""
    got = s3.get_object(**image, Range="bytes=7-99")
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["ContentRange"] == f"bytes 7-99/{len(_FILE)}"
    assert got["Body"].read() == _body(s3, image)[7:100]


def test_presigned_get_object(gateway: S3Server, s3: Any, image: dict[str, str]) -> None:
    """A presigned URL reads what its signer may read."""
    path = s3.generate_presigned_url("get_object", Params=image).removeprefix(gateway.endpoint)
    answer = wire.send(gateway, "GET", path, {"Host": gateway.host})
    assert (answer.status, answer.body) == (200, _body(s3, image))


def test_head_object(s3: Any, image: dict[str, str]) -> None:
    """HeadObject names size, type, metadata and ETag of what GetObject serves."""
    head, got = s3.head_object(**image), s3.get_object(**image)
    for name in ("ContentLength", "ContentType", "Metadata", "ETag", "LastModified"):
        assert head[name] == got[name]


def test_get_object_attributes(s3: Any, image: dict[str, str]) -> None:
    """GetObjectAttributes names the size and the ETag that HeadObject names."""
    found = s3.get_object_attributes(**image, ObjectAttributes=["ETag", "ObjectSize"])
    etag = s3.head_object(**image)["ETag"].strip('"')
    assert (found["ETag"], found["ObjectSize"]) == (etag, len(_FILE))


def test_copy_object(s3: Any, image: dict[str, str]) -> None:
    """CopyObject keeps the bytes and takes new metadata."""
    target = {"Bucket": image["Bucket"], "Key": "copy"}
    s3.copy_object(**target, CopySource=image, MetadataDirective="REPLACE", Metadata={"b": "2"})
    assert s3.head_object(**target)["Metadata"] == {"b": "2"}
    assert _body(s3, target) == _body(s3, image)


def test_delete_object(s3: Any, image: dict[str, str]) -> None:
    """DeleteObject removes a managed object."""
    s3.delete_object(**image)
    with pytest.raises(ClientError) as caught:
        s3.get_object(**image)
    assert failure(caught.value) == (404, "NoSuchKey")


def test_delete_objects(s3: Any, image: dict[str, str]) -> None:
    """DeleteObjects removes managed objects and names them."""
    gone = s3.delete_objects(Bucket=image["Bucket"], Delete={"Objects": [{"Key": "k"}]})
    assert [entry["Key"] for entry in gone["Deleted"]] == ["k"]
    assert _keys(s3.list_objects_v2(Bucket=image["Bucket"])) == []


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_list_objects(s3: Any, image: dict[str, str], operation: str) -> None:
    """Both listings show the size and the ETag that HeadObject names."""
    (entry,) = getattr(s3, operation)(Bucket=image["Bucket"])["Contents"]
    head = s3.head_object(**image)
    assert (entry["Key"], entry["Size"], entry["ETag"]) == ("k", len(_FILE), head["ETag"])


def test_list_object_versions(s3: Any, photos: str) -> None:
    """ListObjectVersions shows each version as it is served, and PutBucketVersioning passes."""
    s3.put_bucket_versioning(Bucket=photos, VersioningConfiguration={"Status": "Enabled"})
    bodies = {
        s3.put_object(Bucket=photos, Key="k", Body=body)["VersionId"]: body
        for body in (_FILE, b"plain")
    }
    listed = s3.list_object_versions(Bucket=photos)["Versions"]
    sizes = {entry["VersionId"]: entry["Size"] for entry in listed}
    assert sizes == {version: len(body) for version, body in bodies.items()}


def test_multipart_upload(s3: Any, direct: Any, upload: dict[str, str]) -> None:
    """An image that comes in parts keeps its listed parts and its size, and is stored small."""
    part = s3.upload_part(**upload, PartNumber=1, Body=_FILE)
    (listed,) = s3.list_parts(**upload)["Parts"]
    assert (listed["ETag"], listed["Size"]) == (part["ETag"], len(_FILE))
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    target = {"Bucket": upload["Bucket"], "Key": upload["Key"]}
    assert direct.head_object(**target)["ContentType"] == "image/avif"
    assert len(_body(s3, target)) == len(_FILE)


def test_upload_part_copy(s3: Any, image: dict[str, str], upload: dict[str, str]) -> None:
    """UploadPartCopy takes a range of the restored file."""
    part = s3.upload_part_copy(
        **upload, PartNumber=1, CopySource=image, CopySourceRange="bytes=7-99"
    )
    parts = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    target = {"Bucket": upload["Bucket"], "Key": upload["Key"]}
    assert _body(s3, target) == _body(s3, image)[7:100]


def test_abort_multipart_upload(s3: Any, upload: dict[str, str]) -> None:
    """AbortMultipartUpload ends an upload that ListMultipartUploads has shown."""
    open_ = s3.list_multipart_uploads(Bucket=upload["Bucket"])["Uploads"]
    assert [entry["UploadId"] for entry in open_] == [upload["UploadId"]]
    s3.abort_multipart_upload(**upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=upload["Bucket"])


def test_post_object(gateway: S3Server, s3: Any, direct: Any, photos: str) -> None:
    """PostObject stores the image in a form as a smaller rendition."""
    fields = [*s3.generate_presigned_post(photos, "k")["fields"].items(), ("file", ("k", _FILE))]
    body, content_type = encode_multipart_formdata(fields)
    headers = {"Host": gateway.host, "Content-Type": content_type}
    assert wire.send(gateway, "POST", f"/{photos}", headers, body).status == 204
    assert len(_body(s3, {"Bucket": photos, "Key": "k"})) == len(_FILE)
    assert direct.head_object(Bucket=photos, Key="k")["ContentType"] == "image/avif"


def test_tagging(s3: Any, image: dict[str, str]) -> None:
    """PutObjectTagging, GetObjectTagging and DeleteObjectTagging pass through."""
    tags = [{"Key": "colour", "Value": "red"}]
    s3.put_object_tagging(**image, Tagging={"TagSet": tags})
    assert s3.get_object_tagging(**image)["TagSet"] == tags
    s3.delete_object_tagging(**image)
    assert s3.get_object_tagging(**image)["TagSet"] == []


def test_acl(s3: Any, direct: Any, image: dict[str, str]) -> None:
    """PutObjectAcl and GetObjectAcl pass through."""
    s3.put_object_acl(**image, ACL="public-read")
    assert s3.get_object_acl(**image)["Grants"] == direct.get_object_acl(**image)["Grants"]


def test_cors_and_preflight(gateway: S3Server, s3: Any, photos: str) -> None:
    """PutBucketCors passes through, and a preflight is answered by those rules."""
    s3.put_bucket_cors(Bucket=photos, CORSConfiguration=_CORS)
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    answer = wire.send(gateway, "OPTIONS", f"/{photos}/k", {"Host": gateway.host, **asked})
    assert (answer.status, "GET" in answer.headers["Access-Control-Allow-Methods"]) == (200, True)


def test_buckets(s3: Any, direct: Any) -> None:
    """CreateBucket, HeadBucket, ListBuckets and DeleteBucket pass through."""
    name = "simple-operations"
    s3.create_bucket(Bucket=name)
    assert s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert name in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    s3.delete_bucket(Bucket=name)
    assert name not in {bucket["Name"] for bucket in direct.list_buckets()["Buckets"]}
