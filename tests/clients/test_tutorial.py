import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.commands import aws_command
from tests.documents import ROOT
from tests.servers.clients import s3_client
from tests.servers.server import S3Server, free_port
from tests.tutorial import follow

pytestmark = pytest.mark.client

_MEASURED = ("42913", "80.57")
"""Bytes stored and score of the photograph."""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return the files of the project that git knows, or would, in a folder of their own."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    folder = tmp_path / "slimgate"
    for name in listed.stdout.splitlines():
        if name.startswith("docs/") and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def test_the_tutorial_does_what_it_says(moto: S3Server, clone: Path, tmp_path: Path) -> None:
    """Every command runs, prints what the page shows, and leaves nothing in the bucket."""
    aws = Path(aws_command(moto, tmp_path).command[0])
    programs = f"{aws.parent}:{Path(sys.executable).parent}"
    exports = {
        "STORE": moto.endpoint,
        "BUCKET": "tutorial",
        "AWS_ACCESS_KEY_ID": moto.main.access,
        "AWS_SECRET_ACCESS_KEY": moto.main.secret,
        "GATEWAY": f"127.0.0.1:{free_port()}",
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    with s3_client(moto) as direct:
        direct.create_bucket(Bucket="tutorial")
        done = follow("docs/tutorial.md", clone, exports, marked=False)
        left = direct.list_objects_v2(Bucket="tutorial")["KeyCount"]
    wrong = [each for each in done if not each.as_printed(_MEASURED)]
    assert [(each.commands, each.output) for each in wrong] == []
    assert len([each for each in done if each.printed]) >= 6
    assert left == 0
