"""Objects that only a key of their customer opens (SSE-C): S3 answers 400 to all who have none."""

from typing import Any, Final

import pytest

from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.server import S3Server

_KEY: Final = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
_IMAGE: Final = images.jpeg(200, 120)


@pytest.fixture(autouse=True)
def _needs_keys(upstream: S3Server) -> None:
    if upstream.is_moto:
        pytest.skip("moto hands objects out without their key")


@pytest.fixture(params=["gateway", "forgetful"])
def reader(request: pytest.FixtureRequest) -> S3Server:
    """Return a gateway that knows all objects, and one that has to look at each."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


def test_they_are_listed_as_they_are(direct: Any, reader: S3Server, photos: str) -> None:
    """One of them does not end the listing of all others."""
    direct.put_object(Bucket=photos, Key="own", Body=b"hidden", **_KEY)
    with pytest.raises(direct.exceptions.ClientError, match="400"):
        direct.head_object(Bucket=photos, Key="own")
    with s3_client(reader) as client:
        client.put_object(Bucket=photos, Key="picture", Body=_IMAGE)
        page = client.list_objects_v2(Bucket=photos)
    shown = [(each["Key"], each["Size"]) for each in page["Contents"]]
    assert shown == [("own", 6), ("picture", len(_IMAGE))]


def test_they_are_stored_and_read_as_they_are(s3: Any, photos: str) -> None:
    """Only clients with the key can read what they stored under it."""
    for body in (_IMAGE, _IMAGE + b"2"):
        s3.put_object(Bucket=photos, Key="own", Body=body, **_KEY)
        assert s3.get_object(Bucket=photos, Key="own", **_KEY)["Body"].read() == body
    part = s3.get_object(Bucket=photos, Key="own", Range="bytes=2-5", **_KEY)
    assert part["Body"].read() == _IMAGE[2:6]
    assert s3.head_object(Bucket=photos, Key="own", **_KEY)["ContentLength"] == len(_IMAGE) + 1
    with pytest.raises(s3.exceptions.ClientError, match="400"):
        s3.head_object(Bucket=photos, Key="own")
    s3.put_object(Bucket=photos, Key="own", Body=_IMAGE)
    assert len(s3.get_object(Bucket=photos, Key="own")["Body"].read()) == len(_IMAGE)
    s3.put_object(Bucket=photos, Key="own", Body=_IMAGE, **_KEY)
    s3.delete_object(Bucket=photos, Key="own")
    assert "Contents" not in s3.list_objects_v2(Bucket=photos)


def test_they_may_come_in_parts(s3: Any, photos: str) -> None:
    """A multipart upload with a key is completed."""
    begun = s3.create_multipart_upload(Bucket=photos, Key="own", **_KEY)["UploadId"]
    about = {"Bucket": photos, "Key": "own", "UploadId": begun}
    part = s3.upload_part(**about, PartNumber=1, Body=_IMAGE, **_KEY)
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**about, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=photos, Key="own", **_KEY)["Body"].read() == _IMAGE
