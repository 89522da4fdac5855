import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e import images
from tests.e2e.images import Sample
from tests.servers.clients import failure

_SAMPLES = pytest.mark.parametrize("sample", images.samples(), ids=lambda sample: sample.name)


def _put(s3: Any, bucket: str, sample: Sample) -> Any:
    return s3.put_object(Bucket=bucket, Key=sample.name, Body=sample.bytes, ContentType=sample.mime)


@_SAMPLES
def test_every_view_is_the_same(s3: Any, photos: str, sample: Sample) -> None:
    """HEAD, GET and both listings name the uploaded size and one ETag, and PUT its MD5."""
    put = _put(s3, photos, sample)
    head = s3.head_object(Bucket=photos, Key=sample.name)
    got = s3.get_object(Bucket=photos, Key=sample.name)
    v1 = s3.list_objects(Bucket=photos)["Contents"][0]
    v2 = s3.list_objects_v2(Bucket=photos)["Contents"][0]
    etag, size = head["ETag"], len(sample.bytes)
    assert f'"{hashlib.md5(sample.bytes, usedforsecurity=False).hexdigest()}"' == put["ETag"]
    assert len(etag) == 32 + len('""-1')
    assert [etag] * 3 == [got["ETag"], v1["ETag"], v2["ETag"]]
    sizes = [head["ContentLength"], got["ContentLength"], v1["Size"], v2["Size"]]
    assert [size] * 5 == [*sizes, len(got["Body"].read())]
    assert [sample.mime] * 2 == [head["ContentType"], got["ContentType"]]


@_SAMPLES
def test_the_image_comes_back(s3: Any, photos: str, sample: Sample) -> None:
    """The restored file has format, mode, dimensions and metadata of the upload, over the floor."""
    _put(s3, photos, sample)
    restored = s3.get_object(Bucket=photos, Key=sample.name)["Body"].read()
    before, after = images.opened(sample.bytes), images.opened(restored)
    assert restored != sample.bytes
    assert (sample.format, sample.mode, before.size) == (after.format, after.mode, after.size)
    kept = {name for name in ("exif", "icc_profile", "comment") if name in before.info}
    assert {name: before.info[name] for name in kept} == {name: after.info[name] for name in kept}
    assert images.score(sample.bytes, restored) >= images.FLOOR_SCORE


@_SAMPLES
def test_what_lies_in_the_bucket(s3: Any, direct: Any, photos: str, sample: Sample) -> None:
    """The bucket holds a smaller AVIF file that any viewer opens."""
    _put(s3, photos, sample)
    stored = direct.get_object(Bucket=photos, Key=sample.name)
    rendition = stored["Body"].read()
    assert stored["ContentType"] == "image/avif"
    assert images.opened(rendition).format == "AVIF"
    assert len(rendition) < 0.85 * len(sample.bytes)
    assert stored["Metadata"].keys() == {"slimgate"}


@pytest.mark.parametrize("body", [b"", b"x", b"hello\n" * 40_000, images.noise(15)], ids=len)
def test_plain_objects_keep_their_bytes(s3: Any, direct: Any, photos: str, body: bytes) -> None:
    """Other files, and images that do not get smaller, are stored and served as uploaded."""
    s3.put_object(Bucket=photos, Key="k", Body=body, ContentType="image/png")
    through, stored = (
        s3.get_object(Bucket=photos, Key="k"),
        direct.head_object(Bucket=photos, Key="k"),
    )
    listed = s3.list_objects_v2(Bucket=photos)["Contents"][0]
    assert through["Body"].read() == body
    assert {stored["ETag"]} == {through["ETag"], listed["ETag"]}
    assert listed["Size"] == len(body)
    assert stored["Metadata"] == through["Metadata"] == {}


def test_a_second_read_is_the_same_file(s3: Any, photos: str) -> None:
    """Two reads of a managed object return the same bytes; the second comes from the cache."""
    s3.put_object(Bucket=photos, Key="k", Body=images.jpeg())
    first, second = (s3.get_object(Bucket=photos, Key="k") for _ in range(2))
    assert first["Body"].read() == second["Body"].read()
    caches = [got["ResponseMetadata"]["HTTPHeaders"]["x-slimgate-cache"] for got in (first, second)]
    assert caches == ["miss", "hit"]


@pytest.mark.parametrize("many", [False, True], ids=["delete_object", "delete_objects"])
def test_deleted_objects_are_gone(s3: Any, photos: str, many: bool) -> None:
    """Neither HEAD nor a listing knows deleted objects any more, managed or plain."""
    keys = ["image", "text"]
    for key, body in zip(keys, (images.jpeg(), b"text"), strict=True):
        s3.put_object(Bucket=photos, Key=key, Body=body)
        if not many:
            s3.delete_object(Bucket=photos, Key=key)
    if many:
        deleted = s3.delete_objects(
            Bucket=photos, Delete={"Objects": [{"Key": key} for key in keys]}
        )
        assert keys == sorted(entry["Key"] for entry in deleted["Deleted"])
    assert "Contents" not in s3.list_objects_v2(Bucket=photos)
    for key in keys:
        with pytest.raises(ClientError) as caught:
            s3.head_object(Bucket=photos, Key=key)
        assert failure(caught.value)[0] == 404


def test_replacing_changes_every_view(s3: Any, photos: str) -> None:
    """A managed object that is replaced by a plain one, and back, is never served as the other."""
    bodies = [images.jpeg(), b"plain now", images.jpeg(200, 100)]
    for body in bodies:
        s3.put_object(Bucket=photos, Key="k", Body=body)
        got = s3.get_object(Bucket=photos, Key="k")
        listed = s3.list_objects_v2(Bucket=photos)["Contents"][0]
        assert {got["ETag"]} == {listed["ETag"]}
        assert len(body) == listed["Size"] == len(got["Body"].read())
