import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import Start
from tests.e2e import images, wire
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.moto import moto_server
from tests.servers.server import S3Server, free_port

_FILE = images.jpeg()
_REQUESTS = [
    ("GET", "/photos/k", b""),
    ("HEAD", "/photos/k", b""),
    ("PUT", "/photos/k", _FILE),
    ("PUT", "/photos/k", b"text"),
    ("DELETE", "/photos/k", b""),
    ("GET", "/photos?list-type=2", b""),
    ("GET", "/", b""),
]


def _fill(server: S3Server) -> None:
    with s3_client(server) as client:
        client.create_bucket(Bucket="photos")
        client.put_object(Bucket="photos", Key="k", Body=_FILE)


def test_an_upstream_that_is_down_and_back(tmp_path: Path, start: Start) -> None:
    """While the upstream is away every request gets 503, and afterwards each works again."""
    port = free_port()
    with moto_server(tmp_path, port) as upstream:
        gateway = upstream.at(start(configuration(upstream)).endpoint)
        _fill(gateway)
    for method, path, body in _REQUESTS:
        answer = wire.ask(gateway, method, path, body=body)
        expected = (503, "" if method == "HEAD" else "ServiceUnavailable")
        assert (*answer.failure, answer.headers["Retry-After"]) == (*expected, "5")
    with moto_server(tmp_path, port):
        _fill(gateway)
        for method, path, body in _REQUESTS:
            assert wire.ask(gateway, method, path, body=body).status in {200, 204, 404}


def test_an_upstream_that_hangs(tmp_path: Path, start: Start) -> None:
    """An upstream that says nothing is given up within the time-out, and tried again later."""
    with moto_server(tmp_path) as upstream:
        config = configuration(upstream)
        config["upstream"] |= {"connect_timeout_s": 1, "read_timeout_s": 1}
        gateway = upstream.at(start(config).endpoint)
        _fill(gateway)
        port = int(upstream.host.split(":")[1])
        (hung,) = _listeners(port)
        hung.send_signal(signal.SIGSTOP)
        try:
            for method, path, body in _REQUESTS[:3]:
                began = time.monotonic()
                assert wire.ask(gateway, method, path, body=body).status == 503
                assert time.monotonic() - began < 10
        finally:
            hung.send_signal(signal.SIGCONT)
        assert wire.ask(gateway, "GET", "/photos/k").status == 200


def _listeners(port: int) -> list[psutil.Process]:
    children = psutil.Process().children()
    return [
        child
        for child in children
        for connection in child.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    ]


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_upstream_that_never_was(start: Start, method: str) -> None:
    """A gateway starts without its upstream, and says so to each client."""
    nowhere = S3Server(f"http://127.0.0.1:{free_port()}")
    gateway = nowhere.at(start(configuration(nowhere)).endpoint)
    answer = wire.ask(gateway, method, "/photos/k")
    assert answer.failure == (503, "ServiceUnavailable")
    assert nowhere.host.encode() not in answer.body
