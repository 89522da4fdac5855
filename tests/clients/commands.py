"""Run command-line clients in an environment of their own, on folders of mixed files."""

import os
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.e2e import images
from tests.servers.gateway import environment
from tests.servers.server import S3Server

_AWSCLI: Final = "SLIMGATE_AWSCLI"
_TIMEOUT_S: Final = 120
_WRITTEN: Final = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Client:
    """A command-line client that talks to one server.

    Attributes:
        command: The program and what always comes behind it.
        server: Whom it talks to.
        home: Where it looks for its configuration, and finds none.
    """

    command: Sequence[str]
    server: S3Server
    home: Path

    def run(self, *arguments: str | Path) -> list[str]:
        """Run one command and return the lines that it prints.

        Raises:
            AssertionError: It failed.
        """
        own = {
            "HOME": str(self.home),
            "AWS_ACCESS_KEY_ID": self.server.main.access,
            "AWS_SECRET_ACCESS_KEY": self.server.main.secret,
            # Older clients presign with version 2 of the signature in older regions.
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_CONFIG_FILE": str(self.home / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.home / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        done = subprocess.run(
            [*self.command, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            env={**environment(), **own},
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return (done.stdout + done.stderr).splitlines()


def aws_command(server: S3Server, home: Path) -> Client:
    """Return the AWS command line.

    Skips the test when it is not installed.
    """
    program = os.environ.get(_AWSCLI, "")
    if not Path(program).is_file():
        pytest.skip(f"no AWS command line: set {_AWSCLI} to the path of its program")
    return Client([program, "--endpoint-url", server.endpoint], server, home)


def write_files(folder: Path) -> dict[str, int]:
    """Fill a folder with images and other files; return their sizes by name."""
    files = {sample.name: sample.bytes for sample in images.samples()[:6]}
    files |= {
        "sub/a photo (1).jpg": images.jpeg(300, 240),
        "sub/ümläut+plus.txt": b"text",
        "sub/deep/large.bin": random.Random(3).randbytes(9 << 20),
        "empty": b"",
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        # Servers tell whole seconds: what was written in the same one would count as newer.
        os.utime(path, (_WRITTEN, _WRITTEN))
    return {name: len(content) for name, content in files.items()}


def sizes(folder: Path) -> dict[str, int]:
    """Return the sizes of all files in a folder by name."""
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }


def assert_alike(uploaded: Path, downloaded: Path) -> None:
    """Compare two folders: images may differ above the floor, everything else may not."""
    assert sizes(uploaded) == sizes(downloaded)
    for name in sizes(uploaded):
        before, after = (uploaded / name).read_bytes(), (downloaded / name).read_bytes()
        if name.endswith((".jpg", ".png", ".webp")):
            assert images.score(before, after) >= images.FLOOR_SCORE
        else:
            assert before == after
