"""Objects that are optimized while a client reads or copies them in parts."""

import contextlib
import hashlib
import http.client
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from s3transfer.exceptions import S3DownloadFailedError  # type: ignore[import-untyped]

from slimgate.codec.manifest import loads
from tests.e2e import images, wire
from tests.servers.clients import failure, s3_client
from tests.servers.gateway import configuration
from tests.servers.server import S3Server
from tests.servers.tool import Tool

_FILE: Final = images.jpeg(400, 360)
_HALF: Final = len(_FILE) // 2
_HELD_UP_S: Final = 15.0  # readers wait 20 s for a completion


@pytest.fixture
def plain(direct: Any, photos: str) -> str:
    """Store an image past the gateway, as it lay in the bucket before there was one."""
    direct.put_object(Bucket=photos, Key="k", Body=_FILE, ContentType="image/jpeg")
    return photos


@pytest.fixture
def shrink(upstream: S3Server, tmp_path: Path, plain: str) -> Callable[[], None]:
    """Return what makes the image small, as a run over the bucket does."""
    tool = Tool({**configuration(upstream), "engine": {"workers": 1}}, tmp_path)

    def run() -> None:
        done, _ = tool.on_bucket("optimize", f"s3://{plain}/")
        assert "made small" in done.stdout, done.stderr

    return run


def test_ranges_are_never_mixed(
    s3: Any, gateway: S3Server, plain: str, shrink: Callable[[], None]
) -> None:
    """What was read in part is not continued after the object has become another file."""
    target = {"Bucket": plain, "Key": "k"}
    etag = s3.head_object(**target)["ETag"]
    first = s3.get_object(**target, Range=f"bytes=0-{_HALF - 1}", IfMatch=etag)
    assert first["Body"].read() == _FILE[:_HALF]
    shrink()
    with pytest.raises(ClientError) as refused:
        s3.get_object(**target, Range=f"bytes={_HALF}-", IfMatch=etag)
    assert failure(refused.value) == (412, "PreconditionFailed")
    rest = {"Range": f"bytes={_HALF}-", "If-Range": etag}
    answer = wire.ask(gateway, "GET", f"/{plain}/k", rest)
    whole = s3.get_object(**target, IfMatch=etag)["Body"].read()
    assert (answer.status, answer.body) == (200, whole)
    assert len(whole) == len(_FILE)
    assert whole != _FILE


def test_a_download_in_parts_fails_or_is_whole(
    gateway: S3Server, plain: str, shrink: Callable[[], None], tmp_path: Path
) -> None:
    """s3transfer, which the AWS command line uses, does not put two files together."""
    parts = TransferConfig(
        multipart_threshold=1, multipart_chunksize=4096, max_concurrency=1, use_threads=False,
        num_download_attempts=1,
    )  # fmt: skip
    seen: list[int] = []

    def progress(count: int) -> None:
        if not seen:
            shrink()
        seen.append(count)

    file = tmp_path / "file"
    with s3_client(gateway) as client, pytest.raises(S3DownloadFailedError):
        client.download_file(plain, "k", str(file), Config=parts, Callback=progress)
    assert seen
    assert not file.exists()
    with s3_client(gateway) as client:
        client.download_file(plain, "k", str(file), Config=parts)
        assert file.read_bytes() == client.get_object(Bucket=plain, Key="k")["Body"].read()


def test_parts_are_copied_of_one_file(
    s3: Any, direct: Any, plain: str, shrink: Callable[[], None]
) -> None:
    """A copy in parts whose client names the source's ETag does not go on with another file."""
    target = {"Bucket": plain, "Key": "copy"}
    source = {
        "CopySource": f"{plain}/k",
        "CopySourceIfMatch": s3.head_object(Bucket=plain, Key="k")["ETag"],
    }
    upload = {**target, "UploadId": s3.create_multipart_upload(**target)["UploadId"]}
    s3.upload_part_copy(**upload, **source, PartNumber=1, CopySourceRange=f"bytes=0-{_HALF - 1}")
    shrink()
    rest = f"bytes={_HALF}-{len(_FILE) - 1}"
    with pytest.raises(ClientError) as refused:
        s3.upload_part_copy(**upload, **source, PartNumber=2, CopySourceRange=rest)
    assert failure(refused.value) == (412, "PreconditionFailed")
    s3.abort_multipart_upload(**upload)
    s3.copy_object(**target, **source)
    assert direct.head_object(**target)["ContentType"] == "image/avif"


def test_other_bytes_are_no_part_of_those_recorded(
    s3: Any, direct: Any, gateway: S3Server, photos: str
) -> None:
    """Where an encoder writes other bytes than recorded, no range of them goes by the old ETag."""
    target = {"Bucket": photos, "Key": "k"}
    s3.put_object(**target, Body=_FILE, ContentType="image/jpeg")
    stored = direct.head_object(**target)
    note = loads(stored["Metadata"]["slimgate"]).model_copy(update={"sha256": "0" * 64})
    direct.copy_object(
        **target, CopySource=target, MetadataDirective="REPLACE",
        ContentType=stored["ContentType"], Metadata={"slimgate": note.dumps()},
    )  # fmt: skip
    recorded = s3.head_object(**target)["ETag"]
    whole = s3.get_object(**target, IfMatch=recorded)
    assert recorded != whole["ETag"]
    path, part = f"/{photos}/k", {"Range": "bytes=0-9"}
    unconditional = wire.ask(gateway, "GET", path, part)
    assert (unconditional.status, unconditional.headers["ETag"]) == (206, whole["ETag"])
    refused = wire.ask(gateway, "GET", path, {**part, "If-Match": recorded})
    assert refused.failure == (412, "PreconditionFailed")
    again = wire.ask(gateway, "GET", path, {**part, "If-Range": recorded})
    assert (again.status, again.headers["ETag"]) == (200, whole["ETag"])
    assert again.body == whole["Body"].read()


def test_a_completed_upload_is_read_as_one_file(s3: Any, gateway: S3Server, photos: str) -> None:
    """A read during the completion of an upload does not return its plain bytes.

    The object has the ETag of the upload before and after it has become small.
    """
    target = {"Bucket": photos, "Key": "k"}
    body = images.saved(images.photo(1200, 1000), "PNG")
    upload = {**target, "UploadId": s3.create_multipart_upload(**target)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=body)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    read: list[tuple[str, bytes]] = []

    def complete() -> None:
        s3.complete_multipart_upload(**upload, MultipartUpload=parts)

    with ThreadPoolExecutor() as threads, s3_client(gateway) as reader:
        completed = threads.submit(complete)
        while not read or not completed.done():
            with contextlib.suppress(ClientError):
                answer = reader.get_object(**target, Range=f"bytes=0-{_HALF - 1}")
                read.append((answer["ETag"], answer["Body"].read()))
        completed.result()
        rest = reader.get_object(**target, Range=f"bytes={_HALF}-", IfMatch=read[0][0])
        mixed = read[0][1] + rest["Body"].read()
        assert mixed == reader.get_object(**target)["Body"].read()
    assert mixed != body
    assert len(set(read)) == 1


def test_who_sends_no_list_of_parts_holds_up_no_reader(
    direct: Any, s3: Any, gateway: S3Server, photos: str
) -> None:
    """A completion whose body does not come is none yet."""
    target = {"Bucket": photos, "Key": "k"}
    upload = {**target, "UploadId": direct.create_multipart_upload(**target)["UploadId"]}
    part = direct.upload_part(**upload, PartNumber=1, Body=_FILE)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    direct.complete_multipart_upload(**upload, MultipartUpload=parts)
    path, digest = f"/{photos}/k?uploadId=none", hashlib.sha256(b"x" * 100).hexdigest()
    with contextlib.closing(http.client.HTTPConnection(gateway.host)) as stalled:
        stalled.putrequest("POST", path, skip_host=True, skip_accept_encoding=True)
        for name, value in wire.signed(gateway, "POST", path, {}, payload_hash=digest).items():
            stalled.putheader(name, value)
        stalled.putheader("Content-Length", "100")
        stalled.endheaders(b"x")
        began = time.monotonic()
        assert s3.get_object(**target)["Body"].read() == _FILE
        assert time.monotonic() - began < _HELD_UP_S
