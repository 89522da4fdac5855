from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import files
from tests.clients.client import installed, program
from tests.clients.driver import Driver
from tests.clients.suite import ReadSuite
from tests.servers.server import S3Server

pytestmark = pytest.mark.client


@pytest.fixture(scope="module")
def client(gateway: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """Run the AWS SDK for JavaScript."""
    installed("tests/clients/node/node_modules")
    command = [program("node"), installed("tests/clients/node/driver.mjs")]
    with Driver(command, gateway, tmp_path_factory.mktemp("node")) as driver:
        yield driver


class TestAwsSdkForJavaScript(ReadSuite):
    """client-s3 and lib-storage work as with S3."""

    def test_new_metadata_leaves_the_object_as_it_was(
        self, client: Driver, photos: str, tmp_path: Path
    ) -> None:
        """A copy of an object onto itself replaces metadata and type, and nothing else."""
        upload = files.image()
        client.put(files.write(tmp_path / "a.jpg", upload), photos, "a.jpg")
        before = client.do("head", bucket=photos, key="a.jpg")
        client.do(
            "copy",
            bucket=photos, source="a.jpg", target="a.jpg",
            MetadataDirective="REPLACE", Metadata={"colour": "red"}, ContentType="image/pjpeg",
        )  # fmt: skip
        after = client.do("head", bucket=photos, key="a.jpg")
        assert (after["Metadata"], after["ContentType"]) == ({"colour": "red"}, "image/pjpeg")
        assert before["ETag"] == after["ETag"]
        assert len(upload) == before["ContentLength"] == after["ContentLength"]
        client.get(photos, "a.jpg", tmp_path / "back")
        files.assert_restored(upload, (tmp_path / "back").read_bytes())

    @pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
    def test_checksums_of_the_upload_are_verified(
        self, client: Driver, photos: str, tmp_path: Path, algorithm: str
    ) -> None:
        """Each algorithm of the SDK is accepted, and the download is not refused for it."""
        upload = files.image("JPEG", 240, 200)
        source = files.write(tmp_path / "a.jpg", upload)
        told = client.do(
            "put", file=source, bucket=photos, key="a.jpg", ChecksumAlgorithm=algorithm
        )
        assert told[f"Checksum{algorithm}"]
        client.get(photos, "a.jpg", tmp_path / "back")
        files.assert_restored(upload, (tmp_path / "back").read_bytes())
