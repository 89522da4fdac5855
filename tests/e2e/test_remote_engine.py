"""Tests of gateways whose engines are other machines'."""

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from slimgate.codec.manifest import loads
from tests.conftest import Start
from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.engine import EngineServer, engine_server
from tests.servers.gateway import configuration
from tests.servers.server import S3Server, free_port, wait_until

_TOKEN: Final = "token-of-the-test"
_FLOOR: Final = {"psnr_db": 20, "ssim": 0.5, "orb": None, "block_psnr_db": None}
_RETRIES: Final = {"total_max_attempts": 10, "mode": "standard"}


def _halved(upstream: S3Server, *urls: str, token: str = _TOKEN) -> dict[str, Any]:
    """Make a configuration under which images are stored at half their size, and never cached."""
    policy = {"name": "photos", "bucket": "photos*", "mode": "optimize", "effort": "fast"}
    small = {"tiers": ["downscale"], "scales": [2], "floor": _FLOOR}
    remote = {"urls": list(urls), "token": token, "timeout_s": 20}
    return configuration(
        upstream,
        policies=[policy | small],
        engine={"workers": 2, "backend": "remote", "remote": remote},
        cache={"max_bytes": 0},
        admin={"listen": f"127.0.0.1:{free_port()}"},
    )


def _page(config: dict[str, Any], path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(config["admin"]["listen"], timeout=10)
    try:
        connection.request("GET", f"/_slimgate/{path}")
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def _gauge(config: dict[str, Any], series: str) -> float:
    lines = _page(config, "metrics")[1].splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(series))


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[list[EngineServer]]:
    """Run two engines."""
    with ExitStack() as stack:
        yield [stack.enter_context(engine_server(tmp_path, _TOKEN)) for _ in range(2)]


def _tier(moto: S3Server, bucket: str, key: str) -> str | None:
    with s3_client(moto) as direct:
        note = direct.head_object(Bucket=bucket, Key=key)["Metadata"].get("slimgate")
    return None if note is None else loads(note).stored.tier


@pytest.mark.crash
def test_an_engine_that_dies_under_load_costs_no_image(
    moto: S3Server, moto_bucket: str, start: Start, engines: list[EngineServer]
) -> None:
    """Every response is the same as an engine on this machine gives, or 503."""
    config = _halved(moto, *(each.url for each in engines))
    process = start(config)
    wrong: list[bytes] = []
    with s3_client(moto.at(process.endpoint), retries=_RETRIES) as s3:
        s3.put_object(Bucket=moto_bucket, Key="image", Body=images.jpeg(320, 240))
        assert _tier(moto, moto_bucket, "image") == "downscale"
        expected = _served_locally(moto, moto_bucket, start)

        def read(_: int) -> None:
            body = s3.get_object(Bucket=moto_bucket, Key="image")["Body"].read()
            if body != expected:
                wrong.append(body)

        with ThreadPoolExecutor(4) as clients:
            reads = [clients.submit(read, number) for number in range(60)]
            wait_until(lambda: sum(each.done() for each in reads) >= 15, "the first reads")
            engines[0].process.kill()
            for each in reads:
                each.result()
    assert wrong == []
    assert _gauge(config, 'slimgate_remote_engines{state="ready"}') == 1
    assert _gauge(config, 'slimgate_remote_engine_attempts{outcome="done"}') > 15
    assert _gauge(config, 'slimgate_remote_engine_attempts{outcome="wrong"}') == 0


def _served_locally(moto: S3Server, bucket: str, start: Start) -> bytes:
    config = _halved(moto)
    config["engine"] = {"workers": 1}
    with s3_client(moto.at(start(config).endpoint)) as s3:
        body: bytes = s3.get_object(Bucket=bucket, Key="image")["Body"].read()
        return body


def _status(s3: Any, bucket: str, key: str) -> int:
    try:
        s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    return 200


def test_without_an_engine_uploads_are_stored_as_they_came(
    moto: S3Server, moto_bucket: str, start: Start, tmp_path: Path
) -> None:
    """Plain objects need no engine; what does is 503 until there is one again."""
    port = free_port()
    config = _halved(moto, f"http://127.0.0.1:{port}")
    process = start(config)
    status, text = _page(config, "readyz")
    assert (status, "no remote engine can be used" in text) == (503, True)
    once = {"total_max_attempts": 1, "mode": "standard"}
    upload = images.jpeg(320, 240)
    with s3_client(moto.at(process.endpoint), retries=once) as s3:
        with engine_server(tmp_path, _TOKEN, port=port):
            wait_until(lambda: _page(config, "readyz") == (200, "ready\n"), "readiness")
            s3.put_object(Bucket=moto_bucket, Key="managed", Body=upload)
            assert _tier(moto, moto_bucket, "managed") == "downscale"
        wait_until(lambda: "warning" in _page(config, "readyz")[1], "the loss")
        assert _page(config, "readyz")[0] == 200
        s3.put_object(Bucket=moto_bucket, Key="plain", Body=upload)
        assert s3.get_object(Bucket=moto_bucket, Key="plain")["Body"].read() == upload
        assert _tier(moto, moto_bucket, "plain") is None
        assert _status(s3, moto_bucket, "managed") == 503
        with engine_server(tmp_path, _TOKEN, port=port):
            wait_until(lambda: _status(s3, moto_bucket, "managed") == 200, "its return")


def test_an_engine_that_ends_finishes_its_images(tmp_path: Path) -> None:
    """SIGTERM ends an engine with exit code 0."""
    with engine_server(tmp_path, _TOKEN) as one:
        one.process.terminate()
        assert one.process.wait(20) == 0
