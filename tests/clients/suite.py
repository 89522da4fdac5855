"""What users do with every client, as tests: a test file derives a class and makes a ``client``."""

from pathlib import Path
from typing import Any

import pytest

from tests.clients import files
from tests.clients.client import Client, Reader, Syncer
from tests.clients.files import MIB
from tests.conftest import NewBucket

UNUSUAL_KEYS = [
    "with space.jpg",
    "umläut/写真.jpg",
    "a+b=c&d;e,f.jpg",
    "100%2F%20.jpg",
    "what?#:@!$'()*[]~.jpg",
]


def assert_small(direct: Any, bucket: str, key: str, upload: bytes) -> None:
    """The store behind the gateway holds a rendition."""
    head = direct.head_object(Bucket=bucket, Key=key)
    assert "slimgate" in head["Metadata"]
    assert head["ContentLength"] < len(upload)


class ObjectSuite:
    """Objects come back as they went."""

    @pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
    def test_an_image_is_stored_small_and_comes_back(
        self, client: Client, direct: Any, photos: str, tmp_path: Path, format_: str
    ) -> None:
        """An image is smaller in the bucket, and has its size and looks everywhere else."""
        upload, key = files.image(format_), f"folder/image.{format_.lower()}"
        client.put(files.write(tmp_path / key, upload), photos, key)
        assert_small(direct, photos, key, upload)
        assert {key: len(upload)} == client.sizes(photos)
        client.get(photos, key, tmp_path / "back")
        files.assert_restored(upload, (tmp_path / "back").read_bytes())

    def test_a_large_image_survives_parts(
        self, client: Client, direct: Any, photos: str, tmp_path: Path
    ) -> None:
        """An image that is transferred in parts is stored small and comes back, too."""
        upload = files.big_png()
        client.put(files.write(tmp_path / "big.png", upload), photos, "big.png")
        assert_small(direct, photos, "big.png", upload)
        assert {"big.png": len(upload)} == client.sizes(photos)
        client.get(photos, "big.png", tmp_path / "back")
        files.assert_restored(upload, (tmp_path / "back").read_bytes())

    @pytest.mark.parametrize("size", [0, 1, 5 * MIB, 64 * MIB])
    @pytest.mark.parametrize("kind", ["plain", "photos"])
    def test_other_files_come_back_byte_for_byte(
        self, client: Client, new_bucket: NewBucket, tmp_path: Path, kind: str, size: int
    ) -> None:
        """What is no image passes, whatever the bucket and the size."""
        content, bucket = files.noise(size), new_bucket(kind)
        client.put(files.write(tmp_path / "file.bin", content), bucket, "file.bin")
        assert client.sizes(bucket) == {"file.bin": size}
        client.get(bucket, "file.bin", tmp_path / "back")
        assert content == (tmp_path / "back").read_bytes()

    @pytest.mark.parametrize("kind", ["plain", "photos"])
    def test_objects_are_copied_renamed_and_deleted(
        self, client: Client, new_bucket: NewBucket, tmp_path: Path, kind: str
    ) -> None:
        """A copy equals its source, a rename leaves nothing behind, and deletes delete."""
        upload, bucket = files.image(), new_bucket(kind)
        client.put(files.write(tmp_path / "a.jpg", upload), bucket, "a.jpg")
        client.copy(bucket, "a.jpg", "b.jpg")
        client.rename(bucket, "b.jpg", "deeper/c.jpg")
        assert {"a.jpg": len(upload), "deeper/c.jpg": len(upload)} == client.sizes(bucket)
        client.delete(bucket, "a.jpg")
        assert {"deeper/c.jpg": len(upload)} == client.sizes(bucket)
        client.get(bucket, "deeper/c.jpg", tmp_path / "back")
        files.assert_returned(upload, (tmp_path / "back").read_bytes(), managed=kind == "photos")


class ReadSuite(ObjectSuite):
    """Parts of objects agree with the whole, and keys may be any text."""

    def test_ranges_are_pieces_of_the_whole(
        self, client: Reader, photos: str, tmp_path: Path
    ) -> None:
        """A range counts the bytes of the uploaded file, and is what the whole has there."""
        upload = files.image()
        client.put(files.write(tmp_path / "a.jpg", upload), photos, "a.jpg")
        client.get(photos, "a.jpg", tmp_path / "back")
        whole = (tmp_path / "back").read_bytes()
        for start, stop in [(0, 1), (1, 5000), (len(upload) - 7, len(upload))]:
            assert whole[start:stop] == client.read(photos, "a.jpg", start, stop)

    def test_keys_may_be_any_text(self, client: Reader, photos: str, tmp_path: Path) -> None:
        """Characters that mean something to URLs, shells or XML are part of a key."""
        upload = files.image("JPEG", 200, 160)
        source = files.write(tmp_path / "a.jpg", upload)
        for key in UNUSUAL_KEYS:
            client.put(source, photos, key)
        assert dict.fromkeys(UNUSUAL_KEYS, len(upload)) == client.sizes(photos)
        for number, key in enumerate(UNUSUAL_KEYS):
            client.copy(photos, key, f"{key} copy")
            client.get(photos, f"{key} copy", tmp_path / str(number))
            files.assert_restored(upload, (tmp_path / str(number)).read_bytes())
            client.delete(photos, key)
        assert set(client.sizes(photos)) == {f"{key} copy" for key in UNUSUAL_KEYS}


class SyncSuite(ObjectSuite):
    """Folders are transferred once."""

    @pytest.mark.parametrize("kind", ["plain", "photos"])
    def test_the_second_run_transfers_nothing(
        self, client: Syncer, new_bucket: NewBucket, tmp_path: Path, kind: str
    ) -> None:
        """A folder goes up and comes down once, until something changes; nothing is mistaken."""
        bucket, down = new_bucket(kind), tmp_path / "down"
        up, count = files.write_tree(tmp_path / "up"), len(files.tree())
        down.mkdir()
        assert (client.sync_up(up, bucket), client.sync_up(up, bucket)) == (count, 0)
        assert client.sizes(bucket) == {k: len(v) for k, v in files.tree().items()}
        assert (client.sync_down(bucket, down), client.sync_down(bucket, down)) == (count, 0)
        files.assert_tree_restored(down, managed=kind == "photos")
        assert client.sync_up(down, bucket) == 0
        files.write(up / files.IMAGES[0], files.image("JPEG", 200, 160))
        assert client.sync_up(up, bucket) == 1
