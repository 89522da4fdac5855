"""Originals: kept before the rendition is stored, and put back on demand."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import NewBucket, Start
from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server
from tests.servers.tool import Tool

on_moto = pytest.mark.parametrize("upstream", ["moto"], indirect=True)
"""For what depends on no store."""

_FILE = images.jpeg()
_OTHER = images.jpeg(440, 400)


def _kept_key(bucket: str, key: str, body: bytes) -> str:
    return f"slimgate/{bucket}/{key}/{hashlib.md5(body, usedforsecurity=False).hexdigest()}"


def _config(upstream: S3Server, archive: str, **more: object) -> dict[str, Any]:
    config = {**configuration(upstream), "engine": {"workers": 1}}
    config["policies"][0] |= {"originals": {"keep": archive, **more}}
    return config


@pytest.fixture
def archive(new_bucket: NewBucket) -> str:
    """Make a bucket for originals."""
    return new_bucket("archive")


@pytest.fixture
def keeping(upstream: S3Server, archive: str, start: Start) -> GatewayProcess:
    """Run a gateway that keeps originals."""
    return start(_config(upstream, archive))


@pytest.fixture
def tool(upstream: S3Server, archive: str, tmp_path: Path) -> Tool:
    """Return the tools, with the same configuration."""
    return Tool(_config(upstream, archive), tmp_path)


def test_each_upload_is_kept_and_put_back(
    keeping: GatewayProcess, upstream: S3Server, tool: Tool, direct: Any, photos: str, archive: str
) -> None:
    """An overwritten object's original stays beside the new one's, and the right one comes back."""
    said = {"Metadata": {"who": "me"}, "ContentType": "image/jpeg"}
    with s3_client(upstream.at(keeping.endpoint)) as s3:
        for body in (_OTHER, _FILE):
            s3.put_object(Bucket=photos, Key="a/k.jpg", Body=body, **said)
        s3.put_object(Bucket=photos, Key="no image", Body=b"text")
    kept = {entry["Key"] for entry in direct.list_objects_v2(Bucket=archive)["Contents"]}
    assert {_kept_key(photos, "a/k.jpg", body) for body in (_OTHER, _FILE)} == kept
    tried = tool.run("restore-original", f"s3://{photos}/a/k.jpg", "--dry-run")
    assert (tried.returncode, "would be" in tried.stdout) == (0, True), tried.stderr
    assert direct.get_object(Bucket=photos, Key="a/k.jpg")["Body"].read() != _FILE
    done = tool.run("restore-original", f"s3://{photos}/a/k.jpg")
    assert done.returncode == 0, done.stderr
    got = direct.get_object(Bucket=photos, Key="a/k.jpg")
    assert (got["Body"].read(), {name: got[name] for name in said}) == (_FILE, said)
    again = tool.run("restore-original", f"s3://{photos}/a/k.jpg")
    assert (again.returncode, "plain" in again.stderr) == (1, True)


def test_an_image_in_parts_is_kept(
    keeping: GatewayProcess, upstream: S3Server, direct: Any, photos: str, archive: str
) -> None:
    """The original of an upload in parts is the whole file."""
    target = {"Bucket": photos, "Key": "k.jpg"}
    with s3_client(upstream.at(keeping.endpoint)) as s3:
        upload = {**target, "UploadId": s3.create_multipart_upload(**target)["UploadId"]}
        etag = s3.upload_part(**upload, PartNumber=1, Body=_FILE)["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    kept = direct.get_object(Bucket=archive, Key=_kept_key(photos, "k.jpg", _FILE))
    assert kept["Body"].read() == _FILE


@on_moto
def test_without_its_original_nothing_is_optimized(
    upstream: S3Server, direct: Any, photos: str, start: Start, tmp_path: Path
) -> None:
    """When the original cannot be kept, gateway and tool leave the object as it is."""
    config = _config(upstream, "there-is-no-such-bucket")
    process = start(config)
    with s3_client(upstream.at(process.endpoint)) as s3:
        s3.put_object(Bucket=photos, Key="k.jpg", Body=_FILE)
    line = process.wait_for("stored as uploaded", key="k.jpg")
    assert "original cannot be kept" in line["reason"]
    done, verdicts = Tool(config, tmp_path).on_bucket("optimize", f"s3://{photos}")
    assert (done.returncode, verdicts) == (0, {"k.jpg": "stays"})
    assert direct.get_object(Bucket=photos, Key="k.jpg")["Body"].read() == _FILE


def test_the_tools_keep_and_drain_originals(
    tool: Tool, s3: Any, direct: Any, photos: str, archive: str
) -> None:
    """Optimize keeps originals; drain stores them again, or the restored file where none is."""
    s3.put_object(Bucket=photos, Key="without.jpg", Body=_OTHER)
    restored = s3.get_object(Bucket=photos, Key="without.jpg")["Body"].read()
    direct.put_object(Bucket=photos, Key="with.jpg", Body=_FILE)
    for name in ("optimize", "drain"):
        done, verdicts = tool.on_bucket(name, f"s3://{photos}")
        assert done.returncode == 0, done.stderr
    assert verdicts == {"with.jpg": "original", "without.jpg": "restored"}
    bodies = [direct.get_object(Bucket=photos, Key=k)["Body"].read() for k in verdicts]
    assert set(bodies) == {_FILE, restored}
    assert direct.list_objects_v2(Bucket=archive)["KeyCount"] == 1


@on_moto
def test_another_file_is_no_original(
    tool: Tool, keeping: GatewayProcess, upstream: S3Server, direct: Any, photos: str, archive: str
) -> None:
    """What lies where the original should be is put back only with the right MD5."""
    with s3_client(upstream.at(keeping.endpoint)) as s3:
        s3.put_object(Bucket=photos, Key="k.jpg", Body=_FILE)
    key = _kept_key(photos, "k.jpg", _FILE)
    direct.put_object(Bucket=archive, Key=key, Body=_FILE[:-1] + b"x")
    stored = direct.head_object(Bucket=photos, Key="k.jpg")["ETag"]
    assert tool.run("restore-original", f"s3://{photos}/k.jpg").returncode == 1
    done, verdicts = tool.on_bucket("drain", f"s3://{photos}")
    assert (done.returncode, verdicts) == (1, {"k.jpg": "failed"})
    assert stored == direct.head_object(Bucket=photos, Key="k.jpg")["ETag"]
    direct.delete_object(Bucket=archive, Key=key)
    gone = tool.run("restore-original", f"s3://{photos}/k.jpg")
    assert (gone.returncode, "does not exist" in gone.stderr) == (1, True)


def test_archived_originals_have_to_be_asked_for(
    moto: S3Server, moto_bucket: str, start: Start, tmp_path: Path
) -> None:
    """An original in DEEP_ARCHIVE is said to need RestoreObject, and drain leaves its object."""
    config = _config(moto, "deep-archive", storage_class="DEEP_ARCHIVE")
    with s3_client(moto) as client:
        client.create_bucket(Bucket="deep-archive")
    with s3_client(moto.at(start(config).endpoint)) as s3:
        s3.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)
    tool = Tool(config, tmp_path)
    done = tool.run("restore-original", f"s3://{moto_bucket}/k.jpg")
    assert (done.returncode, "RestoreObject" in done.stderr) == (1, True), done.stderr
    drained, verdicts = tool.on_bucket("drain", f"s3://{moto_bucket}")
    assert (drained.returncode, verdicts) == (0, {"k.jpg": "stays"})
    with s3_client(moto) as client, pytest.raises(ClientError, match="InvalidObjectState"):
        client.get_object(Bucket="deep-archive", Key=_kept_key(moto_bucket, "k.jpg", _FILE))


@on_moto
def test_a_copy_finds_the_original_of_its_source(
    tool: Tool, keeping: GatewayProcess, upstream: S3Server, direct: Any, photos: str
) -> None:
    """The original of a copied object is found when the source's name is given."""
    with s3_client(upstream.at(keeping.endpoint)) as s3:
        s3.put_object(Bucket=photos, Key="k.jpg", Body=_FILE)
        s3.copy_object(Bucket=photos, Key="copy.jpg", CopySource=f"{photos}/k.jpg")
    words = ("restore-original", f"s3://{photos}/copy.jpg")
    assert tool.run(*words).returncode == 1
    done = tool.run(*words, "--uploaded-as", f"s3://{photos}/k.jpg")
    assert done.returncode == 0, done.stderr
    assert direct.get_object(Bucket=photos, Key="copy.jpg")["Body"].read() == _FILE
