"""Connections that are slow, idle, endless, or too many."""

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Start
from tests.e2e import images, wire
from tests.e2e.framing import Frames
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server, wait_until

pytestmark = pytest.mark.flood

_LIMITS: Final = {
    "max_connections": 12,
    "address_share": 1,
    "head_timeout_s": 0.5,
    "keepalive_timeout_s": 2,
    "client_timeout_s": 0.5,
    "min_client_rate": "64KiB",
    "max_spooled_bytes": "1MiB",
}
_TIMEOUT_S: Final = 20.0
_LARGE: Final = b"x" * (24 << 20)
"""More than the buffers of both ends of a loopback connection hold."""

_names = itertools.count()


@pytest.fixture(scope="module")
def slow(
    moto: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[GatewayProcess, S3Server]]:
    """Run a gateway with little patience; its buckets are there."""
    config = configuration(moto, limits=_LIMITS, engine={"workers": 1})
    with s3_client(moto) as direct:
        for name in ("photos-slow", "plain-slow"):
            direct.create_bucket(Bucket=name)
        direct.put_object(Bucket="plain-slow", Key="large", Body=_LARGE)
        direct.put_object(Bucket="plain-slow", Key="small", Body=b"small")
    with GatewayProcess(config, tmp_path_factory.mktemp("slow")) as process:
        yield process, moto.at(process.endpoint)


def _connected(server: S3Server, receive_bytes: int | None = None) -> socket.socket:
    host, port = server.host.split(":")
    client = socket.socket()
    if receive_bytes is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(_TIMEOUT_S)
    client.connect((host, int(port)))
    return client


def _head(server: S3Server, method: str, path: str, **headers: str) -> bytes:
    signed = wire.signed(server, method, path)
    lines = [
        f"{method} {path} HTTP/1.1",
        *(f"{k}: {v}" for k, v in {**signed, "Connection": "close", **headers}.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _rest(client: socket.socket) -> bytes:
    """Read to the end; being broken off is one."""
    received = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(1 << 16):
            received += piece
    return bytes(received)


def _still_serves(server: S3Server) -> bool:
    return wire.ask(server, "GET", "/plain-slow/small").body == b"small"


def _serves_again(server: S3Server) -> bool:
    try:
        return _still_serves(server)
    except ConnectionError:
        return False


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"Signature=abc" * 2000 + b"\r\n\r\n",
         b"RequestHeaderSectionTooLarge"),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n", b"RequestHeaderSectionTooLarge"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(5000)) + b"\r\n",
         b"BadRequest"),
        (b"Signature=abc\r\n\r\n", b"BadRequest"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"BadRequest"),
    ],
    ids=["header", "path", "headers", "no-http", "tls"],
)  # fmt: skip
def test_what_is_no_request_is_refused(
    slow: tuple[GatewayProcess, S3Server], request_: bytes, code: bytes
) -> None:
    """A head that is too large or no HTTP gets an S3 error, and no log repeats it."""
    process, server = slow
    with _connected(server) as client:
        client.sendall(request_)
        answer = _rest(client)
    assert (b" 400 " in answer, b"<Code>" + code + b"</Code>" in answer) == (True, True)
    assert "Signature" not in str(process.log)
    assert _still_serves(server)


@pytest.mark.parametrize("begun", [b"", b"GET /plain-slow/small HTTP/1.1\r\n"])
def test_heads_that_do_not_end(slow: tuple[GatewayProcess, S3Server], begun: bytes) -> None:
    """A client that drips its head, or sends none, is cut off, and others do not notice."""
    _, server = slow
    with _connected(server) as client:
        client.sendall(begun)
        ended = threading.Event()
        drip = threading.Thread(target=_drip, args=(client if begun else None, ended))
        drip.start()
        assert _rest(client) == b""
        ended.set()
        drip.join()
    assert _still_serves(server)


def _drip(client: socket.socket | None, ended: threading.Event) -> None:
    while client is not None and not ended.wait(0.05):
        with contextlib.suppress(OSError):
            client.send(b"x")


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "dripping"])
@pytest.mark.parametrize("bucket", ["photos-slow", "plain-slow"])
def test_bodies_that_do_not_come(
    slow: tuple[GatewayProcess, S3Server], moto: S3Server, bucket: str, drips: bool
) -> None:
    """A body that stops, or only drips, is refused with RequestTimeout, and nothing is stored."""
    _, server = slow
    path = f"/{bucket}/k{next(_names)}"
    with _connected(server) as client:
        client.sendall(_head(server, "PUT", path, **{"Content-Length": "100000"}))
        client.sendall(images.jpeg()[:1000])
        ended = threading.Event()
        drip = threading.Thread(target=_drip, args=(client if drips else None, ended))
        drip.start()
        answer = _rest(client)
        ended.set()
        drip.join()
    assert (b" 400 " in answer, b"<Code>RequestTimeout</Code>" in answer) == (True, True)
    assert wire.ask(moto, "GET", path).status == 404
    assert _still_serves(server)


def test_bodies_that_never_end(slow: tuple[GatewayProcess, S3Server], moto: S3Server) -> None:
    """A body of unknown length is buffered up to the limit only, and nothing of it is stored."""
    _, server = slow
    path = f"/plain-slow/k{next(_names)}"
    said = {"Content-Encoding": "aws-chunked", "X-Amz-Trailer": "x-amz-checksum-crc32"}
    signed = wire.signed(server, "PUT", path, said, payload_hash=Frames.UNSIGNED_TRAILER.value)
    frame = b"10000\r\n" + b"z" * 0x10000 + b"\r\n"
    chunk = b"%x\r\n%b\r\n" % (len(frame), frame)
    head = _head(server, "PUT", path, **signed, **{"Transfer-Encoding": "chunked"})
    with _connected(server) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(head)
            for _ in range(2000):
                client.sendall(chunk)
        answer = _rest(client)
    assert (b" 400 " in answer, b"<Code>EntityTooLarge</Code>" in answer) == (True, True)
    assert wire.ask(moto, "GET", path).status == 404


def test_thousands_of_idle_connections(slow: tuple[GatewayProcess, S3Server]) -> None:
    """Connections without a request make room for those that bring one, and end by themselves."""
    process, server = slow
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(_connected(server)) for _ in range(500)]
        wait_until(lambda: _serves_again(server), "an answer beside idle connections", 20)
        assert b"".join(map(_rest, idle)) == b""
        assert _still_serves(server)
    assert process.process.poll() is None


def test_too_many_at_once(
    slow: tuple[GatewayProcess, S3Server], moto: S3Server, start: Start
) -> None:
    """Beyond the limit a client gets SlowDown at once; earlier ones are still served."""
    assert slow  # its buckets are those that are read here
    limits = {"max_connections": 3, "address_share": 1}
    server = moto.at(start(configuration(moto, limits=limits, engine={"workers": 1})).endpoint)
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(_connected(server, 1 << 17)) for _ in range(3)]
        for reader in readers:
            reader.sendall(_head(server, "GET", "/plain-slow/large"))
        assert all(reader.recv(12) == b"HTTP/1.1 200" for reader in readers)
        for method in ("GET", "HEAD"):
            late = stack.enter_context(_connected(server))
            late.sendall(f"{method} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = _rest(late)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nRetry-After: 1\r\n" in answer
            assert (b"<Code>SlowDown</Code>" in answer) == (method == "GET")
        assert all(_rest(reader).endswith(_LARGE) for reader in readers)
    wait_until(lambda: _serves_again(server), "an answer once they are gone", 20)


@pytest.mark.parametrize("reads", [0, 1], ids=["nothing", "drops"])
def test_answers_that_nobody_reads(slow: tuple[GatewayProcess, S3Server], reads: int) -> None:
    """A client that does not read its answer at a decent rate is cut off before its end."""
    _, server = slow
    with _connected(server, 1 << 17) as client:
        client.sendall(_head(server, "GET", "/plain-slow/large"))
        received, ended = 0, threading.Event()
        for _ in range(100):
            ended.wait(0.03)
            with contextlib.suppress(ConnectionError):
                received += len(client.recv(reads)) if reads else 0
        assert received + len(_rest(client)) < len(_LARGE)


def test_slow_readers_share_what_they_hold(moto: S3Server, start: Start) -> None:
    """A restored file that several read slowly is held once, and no more than the bound of it."""
    pixels = np.random.default_rng(1).integers(0, 256, (1700, 1700, 3), np.uint8)
    file = images.saved(Image.fromarray(pixels), "JPEG", quality=95, subsampling="4:4:4")
    assert 5 << 20 < len(file) < 8 << 20
    policy = {
        "name": "p",
        "bucket": "photos*",
        "mode": "optimize",
        "tiers": ["exact"],
        "min_saving": 0.01,
        "effort": "fast",
        "limits": {"max_bytes": "8MiB"},
    }
    changes: dict[str, Any] = {"limits": {"max_buffered_bytes": "12MiB"}, "policies": [policy]}
    process = start({**configuration(moto), **changes})
    server = moto.at(process.endpoint)
    with s3_client(server) as client, contextlib.ExitStack() as stack:
        client.create_bucket(Bucket="photos-held")
        client.put_object(Bucket="photos-held", Key="one", Body=file)
        source = {"Bucket": "photos-held", "Key": "one"}
        client.copy_object(Bucket="photos-held", Key="two", CopySource=source)
        tier = wire.ask(server, "HEAD", "/photos-held/two").headers["x-slimgate-tier"]
        assert tier == "exact"
        readers = [stack.enter_context(_connected(server, 1 << 17)) for _ in range(5)]
        for reader in readers:
            reader.sendall(_head(server, "GET", "/photos-held/one"))
        assert all(reader.recv(12) == b"HTTP/1.1 200" for reader in readers)
        answer = wire.ask(server, "GET", "/photos-held/two")
        assert answer.failure == (503, "SlowDown")
        assert answer.headers["Retry-After"] == "1"
        assert file == wire.ask(server, "GET", "/photos-held/one").body
        assert all(file == _rest(reader).partition(b"\r\n\r\n")[2] for reader in readers)
        assert file == wire.ask(server, "GET", "/photos-held/two").body
