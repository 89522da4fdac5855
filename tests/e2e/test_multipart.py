import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e import images

_FILE = images.jpeg(260, 200)


def _uploaded(s3: Any, bucket: str, body: bytes, **said: object) -> Any:
    """Upload in one part, as some clients do; return the response to Complete."""
    target = {"Bucket": bucket, "Key": "k"}
    upload = {**target, "UploadId": s3.create_multipart_upload(**target, **said)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=body)
    listed = s3.list_parts(**upload)["Parts"]
    assert [(1, len(body), part["ETag"])] == [
        (entry["PartNumber"], entry["Size"], entry["ETag"]) for entry in listed
    ]
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


def test_an_image_in_parts_is_stored_small(s3: Any, direct: Any, photos: str) -> None:
    """An image that came in parts is managed, under the ETag that Complete has answered."""
    said = {"ContentType": "image/jpeg", "Metadata": {"a": "1"}, "Tagging": "colour=red"}
    done = _uploaded(s3, photos, _FILE, **said)
    digest = hashlib.md5(hashlib.md5(_FILE, usedforsecurity=False).digest(), usedforsecurity=False)
    etag = f'"{digest.hexdigest()}-1"'
    assert done["ETag"].strip('"') in {etag.strip('"'), ""}  # Ceph before release 17 leaves it out
    got = s3.get_object(Bucket=photos, Key="k")
    listed = s3.list_objects_v2(Bucket=photos)["Contents"][0]
    assert [etag] * 2 == [got["ETag"], listed["ETag"]]
    assert [got["ContentLength"], listed["Size"]] == [len(_FILE)] * 2
    assert (got["ContentType"], got["Metadata"]) == ("image/jpeg", {"a": "1"})
    assert images.score(_FILE, got["Body"].read()) >= images.FLOOR_SCORE
    tags = s3.get_object_tagging(Bucket=photos, Key="k")["TagSet"]
    assert tags == [{"Key": "colour", "Value": "red"}]
    assert direct.head_object(Bucket=photos, Key="k")["ContentType"] == "image/avif"


@pytest.mark.parametrize("bucket", ["photos", "plain"])
def test_other_files_in_parts_stay(
    s3: Any, direct: Any, request: pytest.FixtureRequest, bucket: str
) -> None:
    """Parts that make no image are the upstream's business alone."""
    name = request.getfixturevalue(bucket)
    _uploaded(s3, name, b"no image")
    got, stored = (client.get_object(Bucket=name, Key="k") for client in (s3, direct))
    assert (stored["ETag"], b"no image") == (got["ETag"], got["Body"].read())


def _takes_conditions(direct: Any, bucket: str) -> bool:
    """Return whether a true If-Match lets a PUT through; with versions, Ceph 16 does not."""
    probe = {"Bucket": bucket, "Key": "probe"}
    first = direct.put_object(**probe, Body=b"1")
    versions = [first["VersionId"]]
    try:
        versions.append(direct.put_object(**probe, Body=b"2", IfMatch=first["ETag"])["VersionId"])
    except ClientError:
        return False
    finally:
        for version_id in versions:
            direct.delete_object(**probe, VersionId=version_id)
    return True


def test_a_bucket_does_not_pay_twice(s3: Any, direct: Any, photos: str) -> None:
    """In a bucket with versions, an image in parts leaves one version behind."""
    direct.put_bucket_versioning(Bucket=photos, VersioningConfiguration={"Status": "Enabled"})
    if not _takes_conditions(direct, photos):
        pytest.skip("this server refuses every conditional write into a bucket with versions")
    done = _uploaded(s3, photos, _FILE)
    versions = direct.list_object_versions(Bucket=photos)["Versions"]
    assert [done["VersionId"]] == [entry["VersionId"] for entry in versions]
    assert versions[0]["Size"] < len(_FILE)
