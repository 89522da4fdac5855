from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import files
from tests.clients.client import installed
from tests.clients.driver import Driver
from tests.clients.suite import ReadSuite
from tests.servers.server import S3Server

pytestmark = pytest.mark.client


@pytest.fixture(scope="module")
def client(gateway: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """Run minio-py."""
    command = [installed(".venv-clients/bin/python"), "-m", "tests.clients.drivers.with_minio"]
    with Driver(command, gateway, tmp_path_factory.mktemp("minio")) as driver:
        yield driver


class TestMinio(ReadSuite):
    """minio-py works as with S3."""

    def test_new_metadata_leaves_the_object_as_it_was(
        self, client: Driver, photos: str, tmp_path: Path
    ) -> None:
        """A copy of an object onto itself changes its metadata and nothing else."""
        upload = files.image()
        client.put(files.write(tmp_path / "a.jpg", upload), photos, "a.jpg")
        before = client.do("stat", bucket=photos, key="a.jpg")
        metadata = {"x-amz-meta-colour": "red", "Content-Type": "image/jpeg"}
        client.do("replace_metadata", bucket=photos, key="a.jpg", metadata=metadata)
        after = client.do("stat", bucket=photos, key="a.jpg")
        assert after["metadata"]["x-amz-meta-colour"] == "red"
        for name in ("size", "etag", "type"):
            assert before[name] == after[name]
        client.get(photos, "a.jpg", tmp_path / "back")
        files.assert_restored(upload, (tmp_path / "back").read_bytes())
