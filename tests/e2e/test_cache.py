"""Restored files in memory and in Redis, as clients see it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Start
from tests.e2e import images
from tests.servers.clients import s3_client
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


def _with_redis(moto: S3Server, redis: RedisServer, **cache: object) -> dict[str, Any]:
    shared = {"url": redis.url, "timeout_ms": 200}
    return configuration(moto, cache={"redis": shared, **cache}, engine={"workers": 1})


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
    assert 1 == len(set(files))
    assert len(_FILE) == len(files[0])
    assert 1 == len(process.events("restored", key="k.jpg"))


def test_what_one_gateway_restored_another_has(
    moto: S3Server, moto_bucket: str, start: Start, redis: RedisServer
) -> None:
    """Gateways that share Redis restore an object once; another caller is still asked for."""
    one, other = (start(_with_redis(moto, redis)) for _ in range(2))
    with s3_client(moto.at(one.endpoint)) as client:
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)
        file, how = _get(client, moto_bucket)
    assert "miss" == how
    with s3_client(moto.at(other.endpoint)) as client:
        assert (file, "hit") == _get(client, moto_bucket)
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=images.jpeg(96, 80))
        assert len(images.jpeg(96, 80)) == len(_get(client, moto_bucket)[0])
    assert [] == other.events("restored", served_bytes=len(_FILE))


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
                assert {file} == {each.result()[0] for each in asked}
        while _get(client, moto_bucket)[1] != "hit":
            assert process.process.poll() is None
    assert process.events("redis is left alone for a while")
