import filecmp
import random
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.clients.commands import Client, assert_alike, aws_command, sizes, write_files
from tests.e2e import images
from tests.servers.server import S3Server

pytestmark = pytest.mark.client


@pytest.fixture
def aws(gateway: S3Server, tmp_path: Path) -> Client:
    """Return the AWS command line, where it is installed."""
    return aws_command(gateway, tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Make a folder of images and other files."""
    folder = tmp_path / "files"
    write_files(folder)
    return folder


@pytest.mark.parametrize("bucket", ["photos", "plain"])
def test_sync_is_done_after_one_run(
    aws: Client, request: pytest.FixtureRequest, files: Path, tmp_path: Path, bucket: str
) -> None:
    """Sync moves everything up and down in one run, and the second run finds nothing to do."""
    url, back = f"s3://{request.getfixturevalue(bucket)}/x", tmp_path / "back"
    first = aws.run("s3", "sync", "--no-progress", files, url)
    assert len(sizes(files)) == len(first)
    assert aws.run("s3", "sync", "--no-progress", files, url) == []
    assert len(first) == len(aws.run("s3", "sync", "--no-progress", url, back))
    assert aws.run("s3", "sync", "--no-progress", url, back) == []
    assert aws.run("s3", "sync", "--no-progress", files, url) == []
    assert_alike(files, back)


def test_sync_notices_changes(aws: Client, files: Path, photos: str) -> None:
    """Sync uploads exactly the changed files, and with --delete removes deleted ones."""
    url = f"s3://{photos}"
    aws.run("s3", "sync", "--no-progress", files, url)
    (files / "rgb.jpg").write_bytes(images.jpeg(100, 90))
    (files / "gray.jpg").unlink()
    lines = aws.run("s3", "sync", "--no-progress", "--delete", files, url)
    assert len(lines) == 2
    assert any("upload:" in line and "rgb.jpg" in line for line in lines)
    assert any("delete:" in line and "gray.jpg" in line for line in lines)


def test_cp_mv_ls_rm(aws: Client, files: Path, photos: str, tmp_path: Path) -> None:
    """Copying, moving, listing and removing work on managed objects as on all others."""
    url, image = f"s3://{photos}", files / "rgb.jpg"
    aws.run("s3", "cp", "--no-progress", image, f"{url}/a.jpg")
    aws.run("s3", "cp", "--no-progress", f"{url}/a.jpg", f"{url}/b.jpg")
    aws.run("s3", "mv", "--no-progress", f"{url}/b.jpg", f"{url}/c.jpg")
    listed = {line.split()[3]: int(line.split()[2]) for line in aws.run("s3", "ls", url)}
    size = image.stat().st_size
    assert listed == {"a.jpg": size, "c.jpg": size}
    for name in listed:
        aws.run("s3", "cp", "--no-progress", f"{url}/{name}", tmp_path / name)
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "c.jpg").read_bytes()
    aws.run("s3", "mv", "--no-progress", f"{url}/c.jpg", tmp_path / "moved.jpg")
    assert size == (tmp_path / "moved.jpg").stat().st_size
    aws.run("s3", "rm", "--recursive", url)
    assert aws.run("s3", "ls", url) == []


def test_large_files_are_verified(aws: Client, s3: Any, files: Path, photos: str) -> None:
    """A file that goes up and down in parts stays as it is, and is listed with its size."""
    url, large = f"s3://{photos}/large", files / "sub/deep/large.bin"
    aws.run("s3", "cp", "--no-progress", large, url)
    aws.run("s3", "cp", "--no-progress", url, files / "large")
    assert large.read_bytes() == (files / "large").read_bytes()
    assert large.stat().st_size == s3.head_object(Bucket=photos, Key="large")["ContentLength"]


def test_presign(aws: Client, s3: Any, files: Path, photos: str) -> None:
    """A presigned URL returns the restored file without further credentials."""
    url = f"s3://{photos}/a.jpg"
    aws.run("s3", "cp", "--no-progress", files / "rgb.jpg", url)
    (presigned,) = aws.run("s3", "presign", url)
    with urllib.request.urlopen(presigned, timeout=30) as response:  # noqa: S310  # from our server
        body = response.read()
    assert s3.get_object(Bucket=photos, Key="a.jpg")["Body"].read() == body


def test_new_metadata_leaves_the_object_as_it_was(
    aws: Client, s3: Any, direct: Any, files: Path, photos: str, tmp_path: Path
) -> None:
    """A copy of an object onto itself with other metadata stays managed, and all of it is there."""
    url = f"s3://{photos}/a.jpg"
    aws.run("s3", "cp", "--no-progress", files / "rgb.jpg", url)
    before = s3.head_object(Bucket=photos, Key="a.jpg")
    said = ["--metadata-directive", "REPLACE", "--metadata", "colour=red"]
    aws.run("s3", "cp", "--no-progress", *said, url, url)
    after = s3.head_object(Bucket=photos, Key="a.jpg")
    assert after["Metadata"] == {"colour": "red"}
    for name in ("ETag", "ContentLength", "ContentType"):
        assert before[name] == after[name]
    assert "slimgate" in direct.head_object(Bucket=photos, Key="a.jpg")["Metadata"]
    aws.run("s3", "cp", "--no-progress", url, tmp_path / "back.jpg")
    assert before["ContentLength"] == (tmp_path / "back.jpg").stat().st_size


@pytest.mark.parametrize("mib", [64, 200])
def test_larger_files_come_back(aws: Client, plain: str, tmp_path: Path, mib: int) -> None:
    """Files that go through in many parts, several at a time, stay as they are."""
    url, large, back = f"s3://{plain}/large", tmp_path / "large", tmp_path / "back"
    large.write_bytes(random.Random(mib).randbytes(mib << 20))
    aws.run("s3", "cp", "--no-progress", large, url)
    aws.run("s3", "cp", "--no-progress", url, back)
    assert filecmp.cmp(large, back, shallow=False)
