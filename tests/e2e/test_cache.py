"""Restored files in memory and in Redis, as clients see it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Start
from tests.e2e import images
from tests.servers.clients import failure, s3_client
from tests.servers.gateway import configuration
from tests.servers.redis import RedisServer, missing
from tests.servers.server import S3Server

_FILE = images.jpeg()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Run Redis."""
    if missing():
        pytest.skip("redis-server is not installed")
    with RedisServer(tmp_path) as running:
        yield running


def _with_redis(
    server: S3Server, redis: RedisServer, timeout_ms: float = 200, **cache: object
) -> dict[str, Any]:
    shared = {"url": redis.url, "timeout_ms": timeout_ms}
    return configuration(server, cache={"redis": shared, **cache}, engine={"workers": 1})


def _files(redis: RedisServer) -> list[str]:
    """Return the names of restored files, and of the sets of such names."""
    return redis.ask("--scan", "--pattern", "slimgate:2:*").split()


def _get(client: Any, bucket: str) -> tuple[bytes, str]:
    answer = client.get_object(Bucket=bucket, Key="k.jpg")
    said = answer["ResponseMetadata"]["HTTPHeaders"]
    return answer["Body"].read(), said["x-slimgate-cache"]


def test_a_cold_object_is_restored_once(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """Two hundred clients that ask for it at once get the same file, of one restoring."""
    process = start(configuration(moto))
    with s3_client(moto.at(process.endpoint), max_pool_connections=200) as client:
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)
        with ThreadPoolExecutor(200) as pool:
            files = list(pool.map(lambda _: _get(client, moto_bucket)[0], range(200)))
    assert len(set(files)) == 1
    assert len(files[0]) == len(_FILE)
    assert len(process.events("restored", key="k.jpg")) == 1


def test_gateways_restore_a_cold_object_once(
    moto: S3Server, moto_bucket: str, start: Start, redis: RedisServer
) -> None:
    """Two hundred clients of two gateways that share Redis get the same file, of one restoring."""
    both = [start(_with_redis(moto, redis, timeout_ms=5000)) for _ in range(2)]
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(s3_client(moto.at(each.endpoint), max_pool_connections=100))
            for each in both
        )
        one.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)
        with ThreadPoolExecutor(200) as pool:
            files = list(pool.map(lambda client: _get(client, moto_bucket)[0], [one, other] * 100))
    assert len(set(files)) == 1
    assert len(files[0]) == len(_FILE)
    assert sum(len(each.events("restored", key="k.jpg")) for each in both) == 1
    assert [line for each in both for line in each.events("redis unavailable, circuit open")] == []


def test_the_bucket_decides_who_may_read(rgw: S3Server, start: Start, redis: RedisServer) -> None:
    """Cached files are refused where the bucket refuses them: whole, in part or as copy."""
    process = start(_with_redis(rgw, redis))
    server = rgw.at(process.endpoint)
    owner, stranger = rgw.users
    with s3_client(server, owner) as mine, s3_client(server, stranger) as theirs:
        mine.create_bucket(Bucket="photos-private")
        theirs.create_bucket(Bucket="photos-theirs")
        mine.put_object(Bucket="photos-private", Key="k.jpg", Body=_FILE)
        assert [_get(mine, "photos-private")[1] for _ in range(2)] == ["miss", "hit"]
        there = {"Bucket": "photos-private", "Key": "k.jpg"}
        copied: dict[str, Any] = {"Bucket": "photos-theirs", "Key": "copy.jpg", "CopySource": there}
        uploaded = theirs.create_multipart_upload(Bucket="photos-theirs", Key="copy.jpg")
        part = {**copied, "PartNumber": 1, "UploadId": uploaded["UploadId"]}
        attempts: tuple[Callable[[], object], ...] = (
            lambda: theirs.get_object(**there),
            lambda: theirs.get_object(**there, Range="bytes=0-9"),
            lambda: theirs.get_object(**there, IfNoneMatch='"other"'),
            lambda: theirs.head_object(**there),
            lambda: theirs.copy_object(**copied),
            lambda: theirs.upload_part_copy(**part, CopySourceRange="bytes=0-9"),
        )
        for attempt in attempts:
            with pytest.raises(ClientError) as refused:
                attempt()
            assert failure(refused.value)[0] == 403
        assert _get(mine, "photos-private")[1] == "hit"


def test_what_is_written_to_or_deleted_is_forgotten(
    moto: S3Server, moto_bucket: str, start: Start, redis: RedisServer
) -> None:
    """Overwriting and deleting, one by one or many at once, leave nothing in Redis."""
    process = start(_with_redis(moto, redis))
    with s3_client(moto.at(process.endpoint)) as client:
        there = {"Bucket": moto_bucket, "Key": "k.jpg"}
        many = {"Objects": [{"Key": "k.jpg"}, {"Key": "never there"}]}
        changes: tuple[Callable[[], object], ...] = (
            lambda: client.put_object(**there, Body=b"something else"),
            lambda: client.copy_object(**there, CopySource={**there, "Key": "text"}),
            lambda: client.delete_object(**there),
            lambda: client.delete_objects(Bucket=moto_bucket, Delete=many),
        )
        for change in changes:
            client.put_object(Bucket=moto_bucket, Key="text", Body=b"text")
            client.put_object(**there, Body=_FILE)
            _get(client, moto_bucket)
            assert len(_files(redis)) == 2
            change()
            assert _files(redis) == []


def test_what_one_gateway_restored_another_has(
    moto: S3Server, moto_bucket: str, start: Start, redis: RedisServer
) -> None:
    """Gateways that share Redis restore an object once; another caller is still asked for."""
    one, other = (start(_with_redis(moto, redis)) for _ in range(2))
    with s3_client(moto.at(one.endpoint)) as client:
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)
        file, how = _get(client, moto_bucket)
    assert how == "miss"
    with s3_client(moto.at(other.endpoint)) as client:
        assert _get(client, moto_bucket) == (file, "hit")
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=images.jpeg(440, 400))
        assert len(_get(client, moto_bucket)[0]) == len(images.jpeg(440, 400))
    assert other.events("restored", served_bytes=len(_FILE)) == []


def test_nothing_fails_without_redis(
    moto: S3Server, moto_bucket: str, start: Start, redis: RedisServer
) -> None:
    """While Redis stops, freezes and comes back, every request is answered with the same file."""
    process = start(_with_redis(moto, redis, max_bytes=0))
    with s3_client(moto.at(process.endpoint), max_pool_connections=4) as client:
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)
        file, _ = _get(client, moto_bucket)
        with ThreadPoolExecutor(4) as pool:
            for trouble in (redis.freeze, redis.thaw, redis.stop, redis.start):
                asked = [pool.submit(_get, client, moto_bucket) for _ in range(10)]
                trouble()
                assert {each.result()[0] for each in asked} == {file}
        while _get(client, moto_bucket)[1] != "hit":
            assert process.process.poll() is None
    assert process.events("redis unavailable, circuit open")


def test_remembered_permission_ends_with_a_write(
    moto: S3Server, moto_bucket: str, start: Start, redis: RedisServer
) -> None:
    """What is gone from the store alone is still served; a write counts at once, everywhere."""
    settings = _with_redis(moto, redis, timeout_ms=5000, authorization_ttl_s=3600)
    endpoints = [start(settings).endpoint for _ in range(2)]
    with ExitStack() as stack:
        here, there = (stack.enter_context(s3_client(moto.at(each))) for each in endpoints)
        store = stack.enter_context(s3_client(moto))
        here.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)
        files = {_get(client, moto_bucket)[0] for client in (here, there) for _ in range(3)}
        store.delete_object(Bucket=moto_bucket, Key="k.jpg")
        assert {_get(client, moto_bucket)[0] for client in (here, there)} == files
        here.put_object(Bucket=moto_bucket, Key="k.jpg", Body=b"text")
        assert here.get_object(Bucket=moto_bucket, Key="k.jpg")["Body"].read() == b"text"
        deadline = time.monotonic() + 20
        while there.get_object(Bucket=moto_bucket, Key="k.jpg")["ContentLength"] == len(_FILE):
            assert time.monotonic() < deadline
