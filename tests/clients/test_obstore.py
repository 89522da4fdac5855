from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import files
from tests.clients.client import installed
from tests.clients.driver import Driver
from tests.clients.suite import ReadSuite
from tests.servers.server import S3Server

pytestmark = pytest.mark.client


class _Obstore(Driver):
    def rename(self, bucket: str, source: str, target: str) -> None:
        """Move, as the library does it."""
        self.do("rename", bucket=bucket, source=source, target=target)


@pytest.fixture(scope="module")
def client(gateway: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """Run obstore."""
    command = [installed(".venv-clients/bin/python"), "-m", "tests.clients.drivers.with_obstore"]
    with _Obstore(command, gateway, tmp_path_factory.mktemp("obstore")) as driver:
        yield driver


class TestObstore(ReadSuite):
    """Rust's object_store works as with S3."""

    def test_conditions_know_every_name_of_the_object(
        self, client: Driver, photos: str, tmp_path: Path
    ) -> None:
        """The ETags of upload, HEAD and listing all name the object; another one does not."""
        upload = files.image()
        source = files.write(tmp_path / "a.jpg", upload)
        uploaded = client.do("put", file=source, bucket=photos, key="a.jpg")
        shown = client.do("head", bucket=photos, key="a.jpg")["e_tag"]
        for etag in (uploaded, shown):
            body = client.fetch("get_if_match", bucket=photos, key="a.jpg", etag=etag)
            assert len(upload) == len(body)
        other = '"00000000000000000000000000000000"'
        assert client.do("get_if_match", bucket=photos, key="a.jpg", etag=other) is None

    def test_several_ranges_are_pieces_of_the_whole(
        self, client: Driver, photos: str, tmp_path: Path
    ) -> None:
        """Ranges that are read at the same time belong to one file."""
        client.put(files.write(tmp_path / "a.jpg", files.image()), photos, "a.jpg")
        client.get(photos, "a.jpg", tmp_path / "back")
        whole, starts = (tmp_path / "back").read_bytes(), [0, 3000, 20_000]
        expected = b"".join(whole[start : start + 1000] for start in starts)
        found = client.fetch("read_many", bucket=photos, key="a.jpg", starts=starts, length=1000)
        assert found == expected
