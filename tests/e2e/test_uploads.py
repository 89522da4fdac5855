import base64
import hashlib
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from awscrt import checksums
from boto3.s3.transfer import TransferConfig

from tests.e2e import images, wire
from tests.e2e.framing import Frames
from tests.servers.server import S3Server

_MIB = 1 << 20
_RANDOM = random.Random(1).randbytes(3 * _MIB + 17)
_BODIES = pytest.mark.parametrize(
    "body", [images.jpeg(), b"text", _RANDOM], ids=["managed", "small", "large"]
)
_PARTS = TransferConfig(
    multipart_threshold=5 * _MIB, multipart_chunksize=5 * _MIB, max_concurrency=3
)
_CHECKSUMS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "CRC32": lambda body: checksums.crc32(body).to_bytes(4),
    "CRC32C": lambda body: checksums.crc32c(body).to_bytes(4),
    "CRC64NVME": lambda body: checksums.crc64nvme(body).to_bytes(8),
    "SHA1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}


@pytest.mark.parametrize("bucket", ["photos", "plain"])
@pytest.mark.parametrize("size", [100, 11 * _MIB])
def test_files_go_up_and_down(
    s3: Any, request: pytest.FixtureRequest, tmp_path: Path, bucket: str, size: int
) -> None:
    """upload_file and download_file move a file of any size, in parts and in parallel."""
    name = request.getfixturevalue(bucket)
    up, down = tmp_path / "up", tmp_path / "down"
    up.write_bytes(random.Random(size).randbytes(size))
    s3.upload_file(str(up), name, "k", Config=_PARTS)
    s3.download_file(name, "k", str(down), Config=_PARTS)
    assert up.read_bytes() == down.read_bytes()


def test_an_image_goes_up_and_down(s3: Any, photos: str, tmp_path: Path) -> None:
    """upload_file and download_file of an image return a file of the same size over the floor."""
    up, down = tmp_path / "up.jpg", tmp_path / "down.jpg"
    up.write_bytes(images.jpeg())
    s3.upload_file(str(up), photos, "k.jpg")
    s3.download_file(photos, "k.jpg", str(down))
    assert up.stat().st_size == down.stat().st_size
    assert images.score(up.read_bytes(), down.read_bytes()) >= images.FLOOR_SCORE


def test_a_managed_file_comes_down_in_parallel(s3: Any, photos: str, tmp_path: Path) -> None:
    """Ranges fetched in parallel under If-Match put together exactly the restored file."""
    s3.put_object(Bucket=photos, Key="k", Body=images.jpeg(400, 300))
    down, parts = tmp_path / "down", TransferConfig(multipart_threshold=1, multipart_chunksize=5000)
    s3.download_file(photos, "k", str(down), Config=parts)
    assert s3.get_object(Bucket=photos, Key="k")["Body"].read() == down.read_bytes()


@_BODIES
@pytest.mark.parametrize("algorithm", _CHECKSUMS)
def test_checksums_are_verified_and_echoed(
    s3: Any, photos: str, body: bytes, algorithm: str
) -> None:
    """PUT answers the client's own checksum, and GET none that contradicts the body."""
    field = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=photos, Key="k", Body=body, ChecksumAlgorithm=algorithm)
    assert base64.b64decode(put[field]) == _CHECKSUMS[algorithm](body)
    got = s3.get_object(Bucket=photos, Key="k", ChecksumMode="ENABLED")
    restored = got["Body"].read()
    assert (restored == body) == ("x-slimgate-tier" not in got["ResponseMetadata"]["HTTPHeaders"])
    if restored != body:
        assert field not in got


@_BODIES
def test_content_md5_is_accepted(s3: Any, photos: str, body: bytes) -> None:
    """A right Content-MD5 is right for the upload, whatever is stored of it."""
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    put = s3.put_object(
        Bucket=photos, Key="k", Body=body, ContentMD5=base64.b64encode(digest).decode()
    )
    assert f'"{digest.hex()}"' == put["ETag"]


@_BODIES
@pytest.mark.parametrize("frames", Frames)
def test_framed_uploads_are_unwrapped(
    s3: Any, gateway: S3Server, photos: str, body: bytes, frames: Frames
) -> None:
    """Each flavour of aws-chunked stores the payload, and no trace of the framing."""
    headers, framed = frames.upload(gateway, f"/{photos}/k", body)
    answer = wire.send(gateway, "PUT", f"/{photos}/k", headers, framed)
    assert answer.status == 200
    assert frames.checksum(body) == answer.headers["x-amz-checksum-crc32"]
    got = s3.get_object(Bucket=photos, Key="k")
    managed = "x-slimgate-tier" in got["ResponseMetadata"]["HTTPHeaders"]
    assert (body == images.jpeg(), len(body)) == (managed, got["ContentLength"])
    assert managed or body == got["Body"].read()
    assert "ContentEncoding" not in got


@_BODIES
def test_transfer_encoding_chunked_works(
    s3: Any, gateway: S3Server, photos: str, body: bytes
) -> None:
    """A framed upload may come without Content-Length, in chunks of HTTP."""
    headers, framed = Frames.UNSIGNED_TRAILER.upload(gateway, f"/{photos}/k", body)
    pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (framed[:9], framed[9:])]
    chunked = {**headers, "Transfer-Encoding": "chunked"}
    answer = wire.send(gateway, "PUT", f"/{photos}/k", chunked, [*pieces, b"0\r\n\r\n"])
    assert answer.status == 200
    assert len(body) == s3.head_object(Bucket=photos, Key="k")["ContentLength"]
