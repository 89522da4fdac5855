"""Uploads that are optimized in the background."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conftest import NewBucket, Start
from tests.e2e import images
from tests.e2e.operators import counted, counts
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.redis import RedisServer, missing
from tests.servers.server import S3Server, wait_until

_FILE: Final = images.jpeg()
_SAID: Final = {"ContentType": "image/jpeg", "Metadata": {"a": "1"}}
_KEYS: Final = ("uploaded.jpg", "completed.jpg", "copied.jpg")


class _Killed(Exception):
    """The gateway was killed, and need not end in order."""


def _deferred(upstream: S3Server, **changes: Any) -> dict[str, Any]:
    """Return a configuration whose uploads are optimized later."""
    config = configuration(upstream, **changes)
    config["policies"][0]["when"] = "deferred"
    return {**config, "admin": {"listen": "127.0.0.1:0"}, "engine": {"workers": 1}}


@pytest.fixture
def process(upstream: S3Server, shared: Start) -> GatewayProcess:
    """Run a gateway that optimizes later."""
    return shared(_deferred(upstream))


@pytest.fixture
def s3(process: GatewayProcess, upstream: S3Server) -> Iterator[Any]:
    """Return its client."""
    with s3_client(upstream.at(process.endpoint)) as client:
        yield client


def _is_small(direct: Any, bucket: str, key: str) -> bool:
    return int(direct.head_object(Bucket=bucket, Key=key)["ContentLength"]) < len(_FILE)


def _wait_until_small(direct: Any, bucket: str, keys: Sequence[str]) -> None:
    wait_until(lambda: all(_is_small(direct, bucket, key) for key in keys), "small images")


def _wait_until_empty(process: GatewayProcess) -> None:
    def is_empty() -> bool:
        found = counts(process)
        queued = counted(found, "deferred_uploads_total", result="queued")
        ended = sum(
            counted(found, "deferred_images_total", outcome=outcome)
            for outcome in ("optimized", "changed", "stays")
        )
        return queued == ended and counted(found, "deferred_queued") == 0

    wait_until(is_empty, "an empty queue")


def _write(s3: Any, bucket: str, key: str, plain: str) -> dict[str, Any]:
    """Write an object by the operation that its key names; return what HEAD then shows."""
    target = {"Bucket": bucket, "Key": key}
    if key == "uploaded.jpg":
        s3.put_object(**target, Body=_FILE, **_SAID)
    elif key == "completed.jpg":
        upload = {
            **target,
            "UploadId": s3.create_multipart_upload(**target, ACL="private", **_SAID)["UploadId"],
        }
        part = s3.upload_part(**upload, PartNumber=1, Body=_FILE)
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    else:
        s3.put_object(Bucket=plain, Key=key, Body=_FILE, **_SAID)
        s3.copy_object(**target, CopySource={"Bucket": plain, "Key": key})
    head: dict[str, Any] = s3.head_object(**target)
    return head


@pytest.mark.parametrize("key", _KEYS)
def test_an_upload_is_the_same_object_before_and_after(
    s3: Any, direct: Any, process: GatewayProcess, new_bucket: NewBucket, key: str
) -> None:
    """Size, time and metadata are those of the upload, whichever operation wrote it."""
    bucket, plain = new_bucket("photos"), new_bucket("plain")
    before = _write(s3, bucket, key, plain)
    _wait_until_small(direct, bucket, [key])
    after = s3.head_object(Bucket=bucket, Key=key)
    for name in ("ContentLength", "LastModified", "ContentType", "Metadata"):
        assert after[name] == before[name]
    got = s3.get_object(Bucket=bucket, Key=key)
    assert images.score(_FILE, got["Body"].read()) >= images.FLOOR_SCORE
    (listed,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert (listed["Size"], listed["ETag"]) == (len(_FILE), after["ETag"])
    _wait_until_empty(process)


def test_another_gateway_goes_on_after_a_kill(
    moto: S3Server, moto_bucket: str, tmp_path: Path
) -> None:
    """What a killed gateway had queued, the next one with the same file optimizes."""
    config = _deferred(moto, deferred={"lease_s": 1})
    slow = _deferred(moto, deferred={"lease_s": 1, "images_per_minute": 1})
    keys = [f"{number}.jpg" for number in range(4)]
    with s3_client(moto) as direct:
        with suppress(_Killed), GatewayProcess(slow, tmp_path) as first:
            with s3_client(moto.at(first.endpoint)) as s3:
                for key in keys:
                    s3.put_object(Bucket=moto_bucket, Key=key, Body=_FILE)
            first.process.kill()
            first.process.wait()
            raise _Killed
        assert not all(_is_small(direct, moto_bucket, key) for key in keys)
        with GatewayProcess(config, tmp_path):
            _wait_until_small(direct, moto_bucket, keys)


@pytest.mark.skipif(missing(), reason="redis-server is missing")
def test_gateways_share_a_queue_in_redis(
    moto: S3Server, moto_bucket: str, start: Start, tmp_path: Path
) -> None:
    """What one gateway has queued and does not get to, another one optimizes."""
    with RedisServer(tmp_path) as redis:
        shared = {"cache": {"redis": {"url": redis.url}}}
        queue = {"queue": "redis", "lease_s": 1}
        config = _deferred(moto, **shared, deferred={**queue, "images_per_minute": 1})
        front = start(config)
        start(_deferred(moto, **shared, deferred=queue))
        keys = [f"{number}.jpg" for number in range(3)]
        with s3_client(moto.at(front.endpoint)) as s3, s3_client(moto) as direct:
            for key in keys:
                s3.put_object(Bucket=moto_bucket, Key=key, Body=_FILE)
            _wait_until_small(direct, moto_bucket, keys)


def test_processes_share_a_queue(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """Two processes of a gateway work through one queue, and each upload once."""
    config = {**_deferred(moto, deferred={}), "processes": 2, "engine": {"workers": 2}}
    process = start(config)
    keys = [f"{number}.jpg" for number in range(3)]
    with s3_client(moto.at(process.endpoint)) as s3, s3_client(moto) as direct:
        for key in keys:
            s3.put_object(Bucket=moto_bucket, Key=key, Body=_FILE)
        _wait_until_small(direct, moto_bucket, keys)
    _wait_until_empty(process)
    assert counted(counts(process), "deferred_images_total", outcome="optimized") == len(keys)


def test_an_overwrite_wins(
    s3: Any, direct: Any, process: GatewayProcess, new_bucket: NewBucket
) -> None:
    """Of uploads to one key in a row, the last one is there, whatever the queue is at."""
    bucket, last = new_bucket("photos"), images.jpeg(192, 160)
    for body in (_FILE, images.jpeg(160, 128), last):
        s3.put_object(Bucket=bucket, Key="k.jpg", Body=body)
    _wait_until_empty(process)
    assert direct.head_object(Bucket=bucket, Key="k.jpg")["ContentLength"] < len(last)
    got = s3.get_object(Bucket=bucket, Key="k.jpg")["Body"].read()
    assert (len(got), images.score(last, got) >= images.FLOOR_SCORE) == (len(last), True)
