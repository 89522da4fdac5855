import re
from pathlib import Path
from typing import Any

import pytest

from tests.clients import files
from tests.clients.client import REGION, Syncer, environment, program, run
from tests.clients.suite import SyncSuite
from tests.servers.server import S3Server

pytestmark = pytest.mark.client

_CONFIGURATION = """\
[default]
access_key = {access}
secret_key = {secret}
bucket_location = {region}
host_base = {host}
host_bucket = {host}
use_https = False
signature_v2 = False
multipart_chunk_size_mb = 5
progress_meter = False
guess_mime_type = True
"""


class _S3cmd:
    """It compares the MD5 of what it uploads, and keeps that in the metadata for later."""

    def __init__(self, server: S3Server, home: Path) -> None:
        keys = {"access": server.main.access, "secret": server.main.secret}
        text = _CONFIGURATION.format(host=server.host, region=REGION, **keys)
        files.write(home / ".s3cfg", text.encode())
        self._env = environment(home)
        self._program = program("s3cmd")

    def put(self, file: Path, bucket: str, key: str) -> None:
        self.do("put", str(file), f"s3://{bucket}/{key}")

    def get(self, bucket: str, key: str, file: Path) -> None:
        self.do("get", f"s3://{bucket}/{key}", str(file))

    def sizes(self, bucket: str) -> dict[str, int]:
        lines = self.do("ls", "--recursive", f"s3://{bucket}").splitlines()
        found = (line.split(maxsplit=3) for line in lines)
        return {url.removeprefix(f"s3://{bucket}/"): int(size) for _, _, size, url in found}

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.do("cp", f"s3://{bucket}/{source}", f"s3://{bucket}/{target}")

    def rename(self, bucket: str, source: str, target: str) -> None:
        self.do("mv", f"s3://{bucket}/{source}", f"s3://{bucket}/{target}")

    def delete(self, bucket: str, key: str) -> None:
        self.do("del", f"s3://{bucket}/{key}")

    def sync_up(self, folder: Path, bucket: str) -> int:
        said = self.do("sync", f"{folder}/", f"s3://{bucket}/")
        return len({*re.findall(r"^upload: '(.*?)' -> ", said, re.MULTILINE)})

    def sync_down(self, bucket: str, folder: Path) -> int:
        said = self.do("sync", f"s3://{bucket}/", f"{folder}/")
        return len(re.findall(r"^download: ", said, re.MULTILINE))

    def do(self, *arguments: str) -> str:
        """Run one command and return its output."""
        return run(self._program, *arguments, env=self._env).stdout


def s3cmd(server: S3Server, home: Path) -> Syncer:
    """Return s3cmd."""
    return _S3cmd(server, home)


@pytest.fixture(scope="module")
def client(gateway: S3Server, tmp_path_factory: pytest.TempPathFactory) -> _S3cmd:
    """Return s3cmd."""
    return _S3cmd(gateway, tmp_path_factory.mktemp("s3cmd"))


class TestS3cmd(SyncSuite):
    """s3cmd works as with S3."""

    def test_new_headers_leave_the_object_as_it_was(
        self, client: _S3cmd, direct: Any, photos: str, tmp_path: Path
    ) -> None:
        """A header is added by a copy of the object onto itself, which stays managed."""
        upload = files.image()
        client.put(files.write(tmp_path / "a.jpg", upload), photos, "a.jpg")
        client.do("modify", "--add-header=x-amz-meta-colour:red", f"s3://{photos}/a.jpg")
        said = client.do("info", f"s3://{photos}/a.jpg")
        assert "x-amz-meta-colour: red" in said
        assert re.search(rf"File size: +{len(upload)}$", said, re.MULTILINE)
        assert re.search(r"MIME type: +image/jpeg$", said, re.MULTILINE)
        assert "slimgate" in direct.head_object(Bucket=photos, Key="a.jpg")["Metadata"]
        client.get(photos, "a.jpg", tmp_path / "back")
        files.assert_restored(upload, (tmp_path / "back").read_bytes())
