import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.clients import files
from tests.clients.client import REGION, environment, program, run
from tests.clients.suite import SyncSuite
from tests.conftest import NewBucket
from tests.servers.server import S3Server

pytestmark = pytest.mark.client


class _Rclone:
    """Above 5 MiB it uploads in parts and compares the ETag, and downloads in several streams."""

    def __init__(self, server: S3Server, provider: str, home: Path) -> None:
        # Whatever is said of path style, this provider has the bucket in the host name. No resolver
        # knows such names of localhost, but whoever takes the gateway for a proxy need not ask one.
        virtual = provider == "AWS"
        port = server.endpoint.rpartition(":")[2]
        settings = {
            "type": "s3",
            "provider": provider,
            "endpoint": f"http://localhost:{port}" if virtual else server.endpoint,
            "region": REGION,
            "access_key_id": server.main.access,
            "secret_access_key": server.main.secret,
            "force_path_style": "true",
            # Moto names the version "null" of what came in parts, and then does not know it.
            "upload_cutoff": "200Mi" if server.is_moto else "5Mi",
            "chunk_size": "5Mi",
        }
        named = {f"RCLONE_CONFIG_GATE_{name.upper()}": text for name, text in settings.items()}
        named |= {"RCLONE_CONFIG": str(home / "none.conf"), "RCLONE_LOW_LEVEL_RETRIES": "2"}
        named |= {"http_proxy": server.endpoint} if virtual else {}
        self._env = environment(home, named)
        self._program = program("rclone")

    def put(self, file: Path, bucket: str, key: str) -> None:
        self.do("copyto", str(file), f"gate:{bucket}/{key}")

    def get(self, bucket: str, key: str, file: Path) -> None:
        self.do("copyto", f"gate:{bucket}/{key}", str(file),
                "--multi-thread-cutoff=1Mi", "--multi-thread-streams=4")  # fmt: skip

    def sizes(self, bucket: str) -> dict[str, int]:
        return {entry["Path"]: entry["Size"] for entry in self.listed(bucket)}

    def listed(self, bucket: str) -> list[dict[str, Any]]:
        """List all keys with the results of HEAD."""
        listing = self.do("lsjson", "-R", "--files-only", "--metadata", f"gate:{bucket}")
        found: list[dict[str, Any]] = json.loads(listing)
        return found

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.do("copyto", f"gate:{bucket}/{source}", f"gate:{bucket}/{target}")

    def rename(self, bucket: str, source: str, target: str) -> None:
        self.do("moveto", f"gate:{bucket}/{source}", f"gate:{bucket}/{target}")

    def delete(self, bucket: str, key: str) -> None:
        self.do("deletefile", f"gate:{bucket}/{key}")

    def sync_up(self, folder: Path, bucket: str) -> int:
        return self._sync(str(folder), f"gate:{bucket}")

    def sync_down(self, bucket: str, folder: Path) -> int:
        return self._sync(f"gate:{bucket}", str(folder))

    def do(self, *arguments: str) -> str:
        """Run one command and return its output."""
        return run(self._program, *arguments, "--retries=1", env=self._env).stdout

    def _sync(self, source: str, target: str) -> int:
        done = run(self._program, "sync", source, target, "-v", "--use-json-log", "--retries=1",
                   env=self._env)  # fmt: skip
        lines: list[Mapping[str, Any]] = [json.loads(text) for text in done.stderr.splitlines()]
        count: int = [line["stats"]["transfers"] for line in lines if "stats" in line][-1]
        return count


def rclone(server: S3Server, home: Path) -> _Rclone:
    """Return rclone for a server of no special kind."""
    return _Rclone(server, "Other", home)


@pytest.fixture(scope="module", params=["AWS", "Ceph", "Other"])
def client(
    gateway: S3Server, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> _Rclone:
    """Return rclone, which has quirks for each provider."""
    return _Rclone(gateway, request.param, tmp_path_factory.mktemp("rclone"))


class TestRclone(SyncSuite):
    """rclone works as with S3."""

    @pytest.mark.parametrize("kind", ["plain", "photos"])
    def test_check_finds_no_difference(
        self, client: _Rclone, new_bucket: NewBucket, tmp_path: Path, kind: str
    ) -> None:
        """What is in the bucket equals the folder, by size and whatever hash there is."""
        up, bucket = files.write_tree(tmp_path / "up"), new_bucket(kind)
        client.sync_up(up, bucket)
        client.do("check", str(up), f"gate:{bucket}")
        client.do("check", f"gate:{bucket}", str(up), "--size-only")

    def test_a_new_time_leaves_the_object_as_it_was(
        self, client: _Rclone, direct: Any, photos: str, tmp_path: Path
    ) -> None:
        """A modification time is set by a copy of the object onto itself, which stays managed."""
        upload = files.image()
        client.put(files.write(tmp_path / "a.jpg", upload), photos, "a.jpg")
        client.do("touch", "--timestamp=2001-02-03T04:05:06", f"gate:{photos}/a.jpg")
        listed = client.listed(photos)[0]
        assert (len(upload), "2001-02-03") == (listed["Size"], listed["ModTime"][:10])
        assert "slimgate" in direct.head_object(Bucket=photos, Key="a.jpg")["Metadata"]
        client.get(photos, "a.jpg", tmp_path / "back")
        files.assert_restored(upload, (tmp_path / "back").read_bytes())
