import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.commands import Client, assert_alike, sizes, write_files
from tests.servers.server import S3Server

pytestmark = pytest.mark.client


@pytest.fixture
def s5cmd(gateway: S3Server, tmp_path: Path) -> Client:
    """Return s5cmd, where it is installed beside Python."""
    program = Path(sys.executable).with_name("s5cmd")
    if not program.is_file():
        pytest.skip("s5cmd is not installed")
    return Client([str(program), "--endpoint-url", gateway.endpoint], gateway, tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Make a folder of images and other files."""
    folder = tmp_path / "files"
    write_files(folder)
    return folder


@pytest.mark.parametrize("bucket", ["photos", "plain"])
def test_cp_both_ways(
    s5cmd: Client, request: pytest.FixtureRequest, files: Path, tmp_path: Path, bucket: str
) -> None:
    """Folders go up and, by ranges, down again."""
    url, back = f"s3://{request.getfixturevalue(bucket)}/x/", tmp_path / "back"
    up = s5cmd.run("cp", f"{files}/", url)
    assert len(sizes(files)) == len(up)
    down = s5cmd.run("cp", f"{url}*", f"{back}/")
    assert len(up) == len(down)
    assert_alike(files, back)


@pytest.mark.parametrize("options", [[], ["--size-only"]], ids=["time", "size-only"])
def test_sync_is_done_after_one_run(
    s5cmd: Client, photos: str, files: Path, tmp_path: Path, options: list[str]
) -> None:
    """Sync moves everything up and down in one run, and the second run finds nothing to do."""
    url, back = f"s3://{photos}/", tmp_path / "back"
    assert len(sizes(files)) == len(s5cmd.run("sync", *options, f"{files}/", url))
    assert s5cmd.run("sync", *options, f"{files}/", url) == []
    assert len(sizes(files)) == len(s5cmd.run("sync", *options, f"{url}*", f"{back}/"))
    assert s5cmd.run("sync", *options, f"{url}*", f"{back}/") == []
    assert_alike(files, back)


def test_ls_cat_mv_rm(s5cmd: Client, s3: Any, photos: str, files: Path, tmp_path: Path) -> None:
    """Listing, moving and removing work on managed objects as on all others."""
    url, image = f"s3://{photos}", files / "rgb.jpg"
    s5cmd.run("cp", str(image), f"{url}/a.jpg")
    s5cmd.run("mv", f"{url}/a.jpg", f"{url}/b.jpg")
    (line,) = s5cmd.run("ls", f"{url}/*")
    assert [str(image.stat().st_size), "b.jpg"] == line.split()[2:]
    s5cmd.run("cp", f"{url}/b.jpg", str(tmp_path / "b.jpg"))
    served = s3.get_object(Bucket=photos, Key="b.jpg")["Body"].read()
    assert served == (tmp_path / "b.jpg").read_bytes()
    s5cmd.run("rm", f"{url}/*")
    assert "Contents" not in s3.list_objects_v2(Bucket=photos)
