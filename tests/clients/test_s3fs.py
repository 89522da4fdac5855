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
    """Run s3fs."""
    command = [installed(".venv-clients/bin/python"), "-m", "tests.clients.drivers.with_s3fs"]
    with Driver(command, gateway, tmp_path_factory.mktemp("s3fs")) as driver:
        yield driver


class TestS3fs(ReadSuite):
    """The filesystem interface of pandas and dask works as with S3."""

    def test_file_objects_read_all_of_an_image(
        self, client: Driver, photos: str, tmp_path: Path
    ) -> None:
        """A file object, which knows size and ETag and reads block by block, returns every byte."""
        upload = files.image()
        source = files.write(tmp_path / "a.jpg", upload)
        client.do("write_in_blocks", file=source, bucket=photos, key="a.jpg", block=10_000)
        client.get(photos, "a.jpg", tmp_path / "back")
        blocks = client.fetch("read_in_blocks", bucket=photos, key="a.jpg", block=7_000)
        assert (tmp_path / "back").read_bytes() == blocks
        files.assert_restored(upload, blocks)

    def test_new_metadata_leaves_the_object_as_it_was(
        self, client: Driver, photos: str, tmp_path: Path
    ) -> None:
        """Metadata that is set later stands beside that of the upload, not in its place."""
        upload = files.image()
        client.put(files.write(tmp_path / "a.jpg", upload), photos, "a.jpg")
        metadata = client.do("touch_metadata", bucket=photos, key="a.jpg", colour="red")
        assert metadata == {"colour": "red"}
        assert {"a.jpg": len(upload)} == client.sizes(photos)
        client.get(photos, "a.jpg", tmp_path / "back")
        files.assert_restored(upload, (tmp_path / "back").read_bytes())
