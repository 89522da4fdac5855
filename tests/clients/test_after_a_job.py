"""A folder that was synchronized before a job on its bucket: nothing is transferred afterwards."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

import pytest

from tests.clients import files
from tests.clients.commands import aws_command
from tests.clients.test_rclone import rclone
from tests.clients.test_s3cmd import s3cmd
from tests.servers.gateway import configuration
from tests.servers.server import S3Server
from tests.servers.tool import Tool

pytestmark = pytest.mark.client


_FILES: Final = {
    "photo.jpg": files.image("JPEG", 240, 200),
    "scans/page 1.png": files.image("PNG", 200, 160),
    "notes.txt": b"not an image\n",
}
_WRITTEN: Final = 1_700_000_000
_IMAGES: Final = ("photo.jpg", "scans/page 1.png")


class _Aws:
    """The AWS command line, which may compare times exactly where listings have whole seconds."""

    def __init__(self, server: S3Server, home: Path) -> None:
        self._command = aws_command(server, home)
        self._exactly = ["--exact-timestamps"] if server.is_moto else []

    def sync_up(self, folder: Path, bucket: str) -> int:
        """Return the number of uploaded files."""
        return len(self._command.run("s3", "sync", "--no-progress", folder, f"s3://{bucket}"))

    def sync_down(self, bucket: str, folder: Path) -> int:
        """Return the number of downloaded files."""
        words = ("s3", "sync", "--no-progress", *self._exactly)
        return len(self._command.run(*words, f"s3://{bucket}", folder))


class _Folders(Protocol):
    def sync_up(self, folder: Path, bucket: str) -> int: ...
    def sync_down(self, bucket: str, folder: Path) -> int: ...


def _clients(server: S3Server, home: Path) -> Mapping[str, _Folders]:
    """Return clients by the folder of the bucket that each of them keeps."""
    home.mkdir()
    return {
        "aws": _Aws(server, home),
        "rclone": rclone(server, home),
        "s3cmd": s3cmd(server, home),
    }


def _optimize(upstream: S3Server, bucket: str, directory: Path) -> None:
    """Run the job, which stores all images of the bucket small."""
    tool = Tool({**configuration(upstream), "engine": {"workers": 1}}, directory)
    done, _ = tool.on_bucket("optimize", f"s3://{bucket}")
    assert done.returncode == 0, done.stderr


def _times(client: Any, bucket: str) -> Mapping[str, datetime]:
    """Return when objects were modified, as listed: some stores tell milliseconds."""
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    return {each["Key"]: each["LastModified"] for each in listed}


def test_nothing_is_transferred_again(
    gateway: S3Server, upstream: S3Server, s3: Any, direct: Any, photos: str, tmp_path: Path
) -> None:
    """What went up without a gateway is optimized by a job, and no client notices."""
    up, down = tmp_path / "up", tmp_path / "down"
    for name, content in _FILES.items():
        # Servers tell whole seconds: what was written in the same one would count as newer.
        os.utime(files.write(up / name, content), (_WRITTEN, _WRITTEN))
    for name, client in _clients(upstream, tmp_path / "before").items():
        client.sync_up(up, f"{photos}/{name}")
    clients = _clients(gateway, tmp_path / "after")
    for name, client in clients.items():
        (down / name).mkdir(parents=True)
        assert client.sync_down(f"{photos}/{name}", down / name) == len(_FILES)
    keys = [f"{name}/{image}" for name in clients for image in _IMAGES]
    listed = _times(direct, photos)
    uploaded = [direct.head_object(Bucket=photos, Key=key)["LastModified"] for key in keys]
    _optimize(upstream, photos, tmp_path)
    stored = [direct.head_object(Bucket=photos, Key=key) for key in keys]
    assert all("slimgate" in head["Metadata"] for head in stored)
    assert all(head["LastModified"] > was for head, was in zip(stored, uploaded, strict=True))
    assert _times(s3, photos) == listed
    for name, client in clients.items():
        assert client.sync_down(f"{photos}/{name}", down / name) == 0
        assert client.sync_up(down / name, f"{photos}/{name}") == 0
        assert client.sync_up(up, f"{photos}/{name}") == 0
    rclone(gateway, tmp_path).do("check", str(down / "rclone"), f"gate:{photos}/rclone")
