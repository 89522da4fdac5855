from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e import images
from tests.servers.clients import failure, s3_client
from tests.servers.server import S3Server

_FILES = (images.jpeg(), b"plain in between", images.jpeg(200, 120))


@pytest.fixture
def versioned(direct: Any, photos: str) -> str:
    """Make a bucket that keeps versions."""
    direct.put_bucket_versioning(Bucket=photos, VersioningConfiguration={"Status": "Enabled"})
    return photos


@pytest.fixture
def versions(s3: Any, versioned: str) -> list[str]:
    """Store an image, something plain and another image under one key."""
    return [s3.put_object(Bucket=versioned, Key="k", Body=body)["VersionId"] for body in _FILES]


def test_each_version_is_served(s3: Any, versioned: str, versions: list[str]) -> None:
    """GET and HEAD of a version are of that version, managed or plain."""
    for version, body in zip(versions, _FILES, strict=True):
        got = s3.get_object(Bucket=versioned, Key="k", VersionId=version)
        head = s3.head_object(Bucket=versioned, Key="k", VersionId=version)
        assert [version] * 2 == [got["VersionId"], head["VersionId"]]
        assert [len(body)] * 2 == [len(got["Body"].read()), head["ContentLength"]]
        assert got["ETag"] == head["ETag"]


@pytest.mark.parametrize("server", ["gateway", "forgetful"])
def test_versions_are_listed_as_served(
    request: pytest.FixtureRequest, versioned: str, versions: list[str], server: str
) -> None:
    """ListObjectVersions has the size and ETag of GET for each version."""
    gateway: S3Server = request.getfixturevalue(server)
    with s3_client(gateway) as client:
        listed = client.list_object_versions(Bucket=versioned)["Versions"]
        heads = {
            version: client.head_object(Bucket=versioned, Key="k", VersionId=version)
            for version in versions
        }
    shown = {entry["VersionId"]: (entry["Size"], entry["ETag"]) for entry in listed}
    served = {name: (head["ContentLength"], head["ETag"]) for name, head in heads.items()}
    assert served == shown
    assert [served[version][0] for version in versions] == [len(body) for body in _FILES]


def test_equal_renditions_of_other_files_are_told_apart(
    s3: Any, direct: Any, gateway: S3Server, forgetful: S3Server, versioned: str
) -> None:
    """A write by another gateway is listed correctly, though the stored bytes are equal.

    Two PNG files of the same pixels, one compressed harder than the other, become one rendition.
    """
    files = [images.saved(images.photo(), "PNG", compress_level=level) for level in (9, 1)]
    stored, served, listed = set(), {}, {}
    with s3_client(forgetful) as other:
        for client, body in zip((s3, other), files, strict=True):
            client.put_object(Bucket=versioned, Key="k", Body=body)
            stored.add(direct.head_object(Bucket=versioned, Key="k")["ETag"])
            s3.list_objects_v2(Bucket=versioned)
    for version in s3.list_object_versions(Bucket=versioned)["Versions"]:
        target = {"Bucket": versioned, "Key": "k", "VersionId": version["VersionId"]}
        listed[version["VersionId"]] = version["Size"], version["ETag"]
        head = s3.head_object(**target)
        served[version["VersionId"]] = head["ContentLength"], head["ETag"]
    assert len(stored) == 1
    assert listed == served
    assert sorted(size for size, _ in listed.values()) == sorted(map(len, files))


def test_delete_markers_hide_and_can_be_removed(
    s3: Any, versioned: str, versions: list[str]
) -> None:
    """A deleted managed object is gone, its versions are not, and it can be brought back."""
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=versioned, Key="k")
    assert failure(caught.value) == (404, "NoSuchKey")
    old = s3.get_object(Bucket=versioned, Key="k", VersionId=versions[0])
    assert len(old["Body"].read()) == len(_FILES[0])
    s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    assert len(s3.get_object(Bucket=versioned, Key="k")["Body"].read()) == len(_FILES[-1])


def test_an_old_version_is_copied(s3: Any, versioned: str, versions: list[str]) -> None:
    """A copy of a managed version over the current object restores like that version."""
    source = {"Bucket": versioned, "Key": "k", "VersionId": versions[0]}
    s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    first = s3.get_object(Bucket=versioned, Key="k", VersionId=versions[0])["Body"].read()
    assert first == s3.get_object(Bucket=versioned, Key="k")["Body"].read()
