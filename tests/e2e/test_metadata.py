import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e import images, wire
from tests.servers.clients import failure
from tests.servers.server import S3Server

_BODIES = pytest.mark.parametrize("body", [images.jpeg(), b"text"], ids=["managed", "plain"])
_READS = pytest.mark.parametrize("read", ["get_object", "head_object"])


@_BODIES
@_READS
def test_what_the_client_said_is_kept(s3: Any, photos: str, body: bytes, read: str) -> None:
    """Metadata and headers of the upload come back, on managed and on plain objects."""
    said = {
        "ContentType": "image/jpeg; quality=high",
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="a b.jpg"',
        "ContentLanguage": "de",
        "Metadata": {"title": "a title", "n": "1"},
    }
    s3.put_object(Bucket=photos, Key="k", Body=body, Tagging="colour=red&size=1", **said)
    got = getattr(s3, read)(Bucket=photos, Key="k")
    assert said == {name: got[name] for name in said}
    tags = s3.get_object_tagging(Bucket=photos, Key="k")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"colour": "red", "size": "1"}


def test_an_upload_without_a_type_has_the_default(s3: Any, photos: str) -> None:
    """An image that came without a Content-Type is not served as AVIF."""
    s3.put_object(Bucket=photos, Key="k", Body=images.jpeg())
    assert s3.head_object(Bucket=photos, Key="k")["ContentType"] == "binary/octet-stream"


@_BODIES
@pytest.mark.parametrize("name", ["slimgate", "slimgate-x", "SlimGate"])
def test_our_key_is_refused(s3: Any, photos: str, body: bytes, name: str) -> None:
    """Clients cannot write a manifest: the request is refused, and nothing is stored."""
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=photos, Key="k", Body=body, Metadata={name: "{}"})
    assert failure(caught.value) == (400, "InvalidRequest")
    assert "Contents" not in s3.list_objects_v2(Bucket=photos)


@_READS
def test_notes_on_the_content_are_hidden(s3: Any, direct: Any, photos: str, read: str) -> None:
    """The MD5 that rclone and s3cmd note in metadata is hidden, and everything else is not."""
    noted = {"md5chksum": "1B2M2Y8AsgTpgAmY7PhCfg==", "s3cmd-attrs": "uid:0/md5:aa/mode:33188"}
    s3.put_object(Bucket=photos, Key="k", Body=images.jpeg(), Metadata={**noted, "other": "x"})
    shown = getattr(s3, read)(Bucket=photos, Key="k")["Metadata"]
    assert shown == {"s3cmd-attrs": "uid:0/mode:33188", "other": "x"}
    stored = direct.head_object(Bucket=photos, Key="k")["Metadata"]
    assert stored.keys() == {*noted, "other", "slimgate"}


def test_notes_on_plain_objects_stay(s3: Any, photos: str) -> None:
    """The same notes on a plain object are true, and shown."""
    noted = {"md5chksum": "1B2M2Y8AsgTpgAmY7PhCfg==", "s3cmd-attrs": "uid:0/md5:aa/mode:33188"}
    s3.put_object(Bucket=photos, Key="k", Body=b"text", Metadata=noted)
    assert noted == s3.head_object(Bucket=photos, Key="k")["Metadata"]


def test_full_metadata_keeps_the_image_plain(s3: Any, direct: Any, photos: str) -> None:
    """Where the manifest has no room in 2 KB of metadata, the upload is stored as it is."""
    body, metadata = images.jpeg(), {"long": "x" * 1900}
    s3.put_object(Bucket=photos, Key="k", Body=body, Metadata=metadata)
    stored = direct.get_object(Bucket=photos, Key="k")
    assert body == stored["Body"].read()
    assert metadata == stored["Metadata"]


@pytest.mark.parametrize("encoding", ["gzip", "aws-chunked,gzip", "br"])
def test_encoded_uploads_are_left_alone(s3: Any, direct: Any, photos: str, encoding: str) -> None:
    """An upload with a Content-Encoding is stored as uploaded, with that encoding."""
    body = images.jpeg()
    s3.put_object(Bucket=photos, Key="k", Body=body, ContentEncoding=encoding)
    for client in (s3, direct):
        got = client.get_object(Bucket=photos, Key="k")
        assert body == got["Body"].read()
        assert got["ContentEncoding"] == encoding.removeprefix("aws-chunked,")


@pytest.mark.parametrize("encoding", ["base64", "binary", "utf-8", "UTF8", "identity, base64"])
def test_encodings_that_change_no_bytes(s3: Any, direct: Any, photos: str, encoding: str) -> None:
    """What is an image is one, whatever it was before the upload; its header stays as it is."""
    body = images.jpeg()
    s3.put_object(Bucket=photos, Key="k", Body=body, ContentEncoding=encoding)
    for client in (s3, direct):
        assert client.head_object(Bucket=photos, Key="k")["ContentEncoding"] == encoding
    got = s3.get_object(Bucket=photos, Key="k")
    assert images.score(body, got["Body"].read()) >= images.FLOOR_SCORE
    assert direct.head_object(Bucket=photos, Key="k")["ContentType"] == "image/avif"


def test_base64_text_is_no_image(s3: Any, direct: Any, photos: str) -> None:
    """Bytes that really are base64 stay as they are."""
    body = base64.b64encode(images.jpeg())
    s3.put_object(Bucket=photos, Key="k", Body=body, ContentEncoding="base64")
    assert direct.get_object(Bucket=photos, Key="k")["Body"].read() == body


def test_acl_travels(s3: Any, upstream: S3Server, gateway: S3Server, photos: str) -> None:
    """Anonymous clients can read public managed objects, and no private ones."""
    if upstream.is_moto:
        pytest.skip("moto lets everybody do everything")
    for acl in ("private", "public-read"):
        s3.put_object(Bucket=photos, Key=acl, Body=images.jpeg(), ACL=acl)
    public, private = (
        wire.send(gateway, "GET", f"/{photos}/{acl}", {"Host": gateway.host})
        for acl in ("public-read", "private")
    )
    assert s3.get_object(Bucket=photos, Key="public-read")["Body"].read() == public.body
    assert private.failure == (403, "AccessDenied")
