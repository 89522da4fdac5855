import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import files
from tests.clients.client import REGION, environment, program, run
from tests.conftest import NewBucket
from tests.servers.server import S3Server

pytestmark = pytest.mark.client

Restic = Callable[..., str]


@pytest.fixture(params=["plain", "photos"])
def restic(
    gateway: S3Server, new_bucket: NewBucket, tmp_path: Path, request: pytest.FixtureRequest
) -> Restic:
    """Return restic, with a new repository in a bucket."""
    found = program("restic")
    env = environment(
        files.write(tmp_path / "home" / "empty", b"").parent,
        {
            "AWS_ACCESS_KEY_ID": gateway.main.access,
            "AWS_SECRET_ACCESS_KEY": gateway.main.secret,
            "AWS_DEFAULT_REGION": REGION,
            "RESTIC_REPOSITORY": f"s3:{gateway.endpoint}/{new_bucket(request.param)}",
            "RESTIC_PASSWORD": "secret",
        },
    )

    def do(*arguments: str) -> str:
        return run(found, *arguments, env=env).stdout

    do("init")
    return do


def test_a_backup_is_restored_byte_for_byte(restic: Restic, tmp_path: Path) -> None:
    """Encrypted packs are no images to anybody: images in them come back identical."""
    source = files.write_tree(tmp_path / "tree")
    files.write(source / "big.jpg", files.big_jpeg())
    files.write(source / "noise.bin", files.noise(64 * files.MIB))
    restic("backup", str(source))
    restic("check", "--read-data")
    restic("restore", "latest", f"--target={tmp_path / 'back'}")
    back = Path(f"{tmp_path / 'back'}{source}")
    assert (back / "big.jpg").read_bytes() == files.big_jpeg()
    assert (back / "noise.bin").read_bytes() == files.noise(64 * files.MIB)
    (back / "big.jpg").unlink()
    (back / "noise.bin").unlink()
    files.assert_tree_restored(back, managed=False)


def test_what_is_forgotten_is_pruned(restic: Restic, tmp_path: Path) -> None:
    """A second backup stores only new data, and pruning leaves a sound repository."""
    source = files.write_tree(tmp_path / "tree")
    restic("backup", str(source))
    again = json.loads(restic("backup", "--json", str(source)).splitlines()[-1])
    assert (again["files_new"], again["files_unmodified"]) == (0, len(files.tree()))
    files.write(source / "more.bin", files.noise(files.MIB))
    restic("backup", str(source))
    restic("forget", "--keep-last=1", "--prune")
    restic("check", "--read-data")
    assert len(json.loads(restic("snapshots", "--json"))) == 1
