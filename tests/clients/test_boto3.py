import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from tests.clients import files
from tests.clients.files import MIB
from tests.clients.suite import ReadSuite
from tests.servers.clients import s3_client
from tests.servers.server import S3Server

pytestmark = pytest.mark.client

_TRANSFER = TransferConfig(multipart_threshold=MIB, multipart_chunksize=5 * MIB, max_concurrency=4)


class _Boto3:
    """Transfer as s3transfer does it: in parts, by several threads, with the LIST's ETag."""

    def __init__(self, client: Any) -> None:
        self.api = client

    def put(self, file: Path, bucket: str, key: str) -> None:
        said = {"ContentType": files.mime(file.read_bytes()), "Metadata": {"from": "test"}}
        self.api.upload_file(str(file), bucket, key, ExtraArgs=said, Config=_TRANSFER)

    def get(self, bucket: str, key: str, file: Path) -> None:
        self.api.download_file(bucket, key, str(file), Config=_TRANSFER)

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        got = self.api.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{stop - 1}")
        body: bytes = got["Body"].read()
        return body

    def sizes(self, bucket: str) -> dict[str, int]:
        pages = self.api.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {e["Key"]: e["Size"] for page in pages for e in page.get("Contents", ())}

    def copy(self, bucket: str, source: str, target: str) -> None:
        # Above the threshold s3transfer copies in parts, by ranges of the source.
        self.api.copy({"Bucket": bucket, "Key": source}, bucket, target, Config=_TRANSFER)

    def rename(self, bucket: str, source: str, target: str) -> None:
        self.copy(bucket, source, target)
        self.delete(bucket, source)

    def delete(self, bucket: str, key: str) -> None:
        self.api.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})


@pytest.fixture(scope="module")
def client(gateway: S3Server) -> Iterator[_Boto3]:
    """Run boto3."""
    with s3_client(gateway) as api:
        yield _Boto3(api)


class TestBoto3(ReadSuite):
    """boto3 and s3transfer work as with S3."""

    def test_a_copy_in_parts_is_of_the_restored_image(
        self, client: _Boto3, photos: str, plain: str, tmp_path: Path
    ) -> None:
        """A large image that is copied in parts into another bucket arrives as it is read."""
        upload = files.big_jpeg()
        client.put(files.write(tmp_path / "a.jpg", upload), photos, "a.jpg")
        client.api.copy({"Bucket": photos, "Key": "a.jpg"}, plain, "b.jpg", Config=_TRANSFER)
        for bucket, key in ((photos, "a.jpg"), (plain, "b.jpg")):
            client.get(bucket, key, tmp_path / key)
        files.assert_restored(upload, (tmp_path / "b.jpg").read_bytes())
        assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes()

    def test_a_large_file_goes_through_quickly(
        self, client: _Boto3, plain: str, tmp_path: Path
    ) -> None:
        """200 MiB come back byte for byte."""
        content = files.noise(200 * MIB)
        client.put(files.write(tmp_path / "a.bin", content), plain, "a.bin")
        client.get(plain, "a.bin", tmp_path / "back")
        assert content == (tmp_path / "back").read_bytes()

    def test_threads_share_one_object(self, client: _Boto3, photos: str, tmp_path: Path) -> None:
        """Concurrent downloads return the same bytes."""
        client.put(files.write(tmp_path / "a.jpg", files.image()), photos, "a.jpg")
        targets = [tmp_path / str(number) for number in range(8)]
        threads = [
            threading.Thread(target=client.get, args=(photos, "a.jpg", target))
            for target in targets
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({target.read_bytes() for target in targets}) == 1

    @pytest.mark.parametrize("when", ["when_supported", "when_required"])
    def test_checksums_may_be_asked_for_or_not(
        self, gateway: S3Server, photos: str, when: str, tmp_path: Path
    ) -> None:
        """Both ways of the SDK to calculate and validate checksums work."""
        names = ("request_checksum_calculation", "response_checksum_validation")
        config: dict[str, Any] = dict.fromkeys(names, when)
        upload = files.image("PNG", 200, 160)
        with s3_client(gateway, **config) as api:
            client = _Boto3(api)
            client.put(files.write(tmp_path / "a.png", upload), photos, "a.png")
            client.get(photos, "a.png", tmp_path / "back")
        files.assert_restored(upload, (tmp_path / "back").read_bytes())

    @pytest.mark.parametrize("key", ["a//b.jpg", "/a.jpg", "a/./../b.jpg", "%", "\u00a0 "])
    def test_keys_are_no_paths(self, client: _Boto3, photos: str, tmp_path: Path, key: str) -> None:
        """Slashes and dots in keys are kept as they are."""
        upload = files.image("JPEG", 200, 160)
        client.put(files.write(tmp_path / "a.jpg", upload), photos, key)
        assert {key: len(upload)} == client.sizes(photos)
        client.copy(photos, key, f"{key}//copy")
        client.get(photos, f"{key}//copy", tmp_path / "back")
        files.assert_restored(upload, (tmp_path / "back").read_bytes())
