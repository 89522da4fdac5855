import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import NewBucket
from tests.e2e import images
from tests.servers.clients import failure

_FILE = images.jpeg()


@pytest.fixture
def source(s3: Any, photos: str) -> dict[str, str]:
    """Store an image that shall be copied."""
    s3.put_object(
        Bucket=photos, Key="from", Body=_FILE, ContentType="image/jpeg", Metadata={"a": "1"}
    )
    return {"Bucket": photos, "Key": "from"}


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _file(s3: Any, bucket: str, key: str) -> bytes:
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


@pytest.mark.parametrize("kind", ["photos", "plain", "shadow"])
def test_a_copy_is_the_same_file(
    s3: Any, new_bucket: NewBucket, source: dict[str, str], kind: str
) -> None:
    """A copy, into any bucket, restores to the same bytes with the same metadata and ETag."""
    bucket = new_bucket(kind)
    copied = s3.copy_object(Bucket=bucket, Key="to", CopySource=source)
    head = s3.head_object(Bucket=bucket, Key="to")
    assert _file(s3, source["Bucket"], "from") == _file(s3, bucket, "to")
    assert head["ETag"] == copied["CopyObjectResult"]["ETag"]
    assert (head["ContentType"], head["Metadata"]) == ("image/jpeg", {"a": "1"})
    assert s3.head_object(**source)["ETag"] == head["ETag"]


def test_a_copy_with_new_metadata_restores(s3: Any, direct: Any, source: dict[str, str]) -> None:
    """REPLACE changes what the client may change, and the copy is managed still."""
    bucket = source["Bucket"]
    s3.copy_object(
        Bucket=bucket, Key="to", CopySource=source, MetadataDirective="REPLACE",
        ContentType="image/x-other", Metadata={"b": "2"}, CacheControl="no-cache",
    )  # fmt: skip
    got = s3.get_object(Bucket=bucket, Key="to")
    assert (
        got["ContentType"], got["Metadata"], got["CacheControl"]
    ) == ("image/x-other", {"b": "2"}, "no-cache")  # fmt: skip
    assert _file(s3, bucket, "from") == got["Body"].read()
    assert direct.head_object(Bucket=bucket, Key="to")["Metadata"].keys() == {"slimgate", "b"}


@pytest.mark.parametrize("content_type", [{}, {"ContentType": "image/x-other"}])
def test_a_copy_onto_itself_stays_managed(
    s3: Any, source: dict[str, str], content_type: dict[str, str]
) -> None:
    """Changing the metadata in place keeps size, ETag and bytes of a managed object."""
    before = s3.get_object(**source)
    s3.copy_object(
        **source, CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"},
        **content_type,
    )  # fmt: skip
    after = s3.get_object(**source)
    assert after["Metadata"] == {"b": "2"}
    assert after["ContentType"] == content_type.get("ContentType", "image/jpeg")
    assert before["ETag"] == after["ETag"]
    assert before["Body"].read() == after["Body"].read()


def test_the_manifest_cannot_be_replaced(s3: Any, source: dict[str, str]) -> None:
    """A client's own manifest in a copy is refused."""
    with pytest.raises(ClientError) as caught:
        s3.copy_object(
            **source, CopySource=source, MetadataDirective="REPLACE", Metadata={"slimgate": "{}"}
        )
    assert failure(caught.value) == (400, "InvalidRequest")


@pytest.fixture
def etags(s3: Any, direct: Any, source: dict[str, str]) -> dict[str, str]:
    """Return the ETags of the source: as served, as in the bucket, and of the upload."""
    served, stored = (client.head_object(**source)["ETag"] for client in (s3, direct))
    md5 = s3.put_object(**source, Body=_FILE)["ETag"]
    return {"served": served, "stored": stored, "md5": md5, "other": '"other"'}


@pytest.mark.parametrize(
    ("name", "names_source"), [("served", True), ("md5", True), ("stored", False), ("other", False)]
)
def test_conditions_on_the_source(
    s3: Any, source: dict[str, str], etags: dict[str, str], name: str, names_source: bool
) -> None:
    """A copy of the whole source knows it by the served ETag and by the MD5 of the upload."""
    target = {"Bucket": source["Bucket"], "Key": "to", "CopySource": source}
    conditions = ("CopySourceIfMatch", "CopySourceIfNoneMatch")
    holds, fails = conditions if names_source else conditions[::-1]
    with pytest.raises(ClientError) as refused:
        s3.copy_object(**target, **{fails: etags[name]})
    assert failure(refused.value)[0] == 412
    s3.copy_object(**target, **{holds: etags[name]})
    assert _file(s3, source["Bucket"], "from") == _file(s3, source["Bucket"], "to")


@pytest.mark.parametrize(
    ("name", "given", "status"),
    [
        ("served", {}, 200),
        ("md5", {}, 200),
        ("stored", {}, 412),
        ("served", {"CopySourceRange": "bytes=7-99"}, 200),
        ("md5", {"CopySourceRange": "bytes=7-99"}, 412),
        ("stored", {"CopySourceRange": "bytes=7-99"}, 412),
    ],
)
def test_conditions_on_a_part_of_the_source(
    s3: Any, source: dict[str, str], etags: dict[str, str], name: str, given: Any, status: int
) -> None:
    """A copy of a range knows the source by the served ETag alone."""
    target = {"Bucket": source["Bucket"], "Key": "to"}
    upload = {**target, "UploadId": s3.create_multipart_upload(**target)["UploadId"]}
    part = {**upload, "PartNumber": 1, "CopySource": source, "CopySourceIfMatch": etags[name]}
    try:
        done = s3.upload_part_copy(**part, **given)["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as refused:
        done = failure(refused)[0]
    s3.abort_multipart_upload(**upload)
    assert done == status


def test_plain_copies_are_untouched(s3: Any, photos: str, plain: str) -> None:
    """A plain object is copied as the upstream copies it."""
    s3.put_object(Bucket=photos, Key="from", Body=b"text", Metadata={"a": "1"})
    s3.copy_object(Bucket=plain, Key="to", CopySource={"Bucket": photos, "Key": "from"})
    got = s3.get_object(Bucket=plain, Key="to")
    assert (got["Body"].read(), got["Metadata"]) == (b"text", {"a": "1"})


def test_a_missing_source_is_missing(s3: Any, photos: str) -> None:
    """A copy of nothing is answered as the upstream does."""
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=photos, Key="to", CopySource={"Bucket": photos, "Key": "none"})
    assert failure(caught.value) == (404, "NoSuchKey")


@pytest.mark.parametrize(
    ("given", "wanted"), [({}, slice(None)), ({"CopySourceRange": "bytes=7-99"}, slice(7, 100))]
)
def test_parts_are_copied_from_the_restored_file(
    s3: Any, source: dict[str, str], given: dict[str, str], wanted: slice
) -> None:
    """UploadPartCopy counts bytes of the restored file, and the object is made of those."""
    target = {"Bucket": source["Bucket"], "Key": "to"}
    upload = {**target, "UploadId": s3.create_multipart_upload(**target)["UploadId"]}
    part = s3.upload_part_copy(**upload, PartNumber=1, CopySource=source, **given)
    parts = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    restored = _file(s3, source["Bucket"], "from")[wanted]
    assert _md5(restored) == part["CopyPartResult"]["ETag"].strip('"')
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert len(restored) == s3.head_object(**target)["ContentLength"]


def test_parts_beyond_the_end_are_refused(s3: Any, source: dict[str, str]) -> None:
    """A range that the restored file does not have is no part."""
    target = {"Bucket": source["Bucket"], "Key": "to"}
    upload = {**target, "UploadId": s3.create_multipart_upload(**target)["UploadId"]}
    beyond = f"bytes=0-{len(_FILE)}"
    with pytest.raises(ClientError) as caught:
        s3.upload_part_copy(**upload, PartNumber=1, CopySource=source, CopySourceRange=beyond)
    assert failure(caught.value) == (416, "InvalidRange")
    s3.abort_multipart_upload(**upload)
