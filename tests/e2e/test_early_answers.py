"""Answers that come before the request has ended: heard, and the rest is thrown away."""

import socket
from collections.abc import Iterator
from typing import Final

import pytest

from tests.e2e import wire
from tests.e2e.framing import Frames
from tests.e2e.operators import Counts, counted, counts
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server

_TIMEOUT_S: Final = 5.0
"""Less than the time for which a discarded body is read."""

_PIECE: Final = bytes(1 << 20)
_ANY: Final = {"Host": "x"}
_STRANGER: Final = {**_ANY, "Authorization": "AWS4 none"}


@pytest.fixture(scope="module")
def gateway(
    moto: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[GatewayProcess, S3Server]]:
    """Run a gateway; its bucket is there."""
    config = configuration(moto, engine={"workers": 1}, admin={"listen": "127.0.0.1:0"})
    with s3_client(moto) as direct:
        direct.create_bucket(Bucket="plain-early")
        direct.put_object(Bucket="plain-early", Key="small", Body=b"small")
    with GatewayProcess(config, tmp_path_factory.mktemp("early")) as process:
        yield process, moto.at(process.endpoint)


def _connected(server: S3Server) -> socket.socket:
    host, _, port = server.host.rpartition(":")
    return socket.create_connection((host, int(port)), _TIMEOUT_S)


def _head(method: str, path: str, **fields: str) -> bytes:
    lines = [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


def _rest(client: socket.socket) -> bytes:
    received = bytearray()
    while piece := client.recv(1 << 16):
        received += piece
    return bytes(received)


def _chunked(data: bytes, size: int) -> Iterator[bytes]:
    """Write data in chunks of HTTP."""
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    yield b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _requests(counts: Counts) -> float:
    return sum(count for (name, _), count in counts.items() if name == "slimgate_requests_total")


@pytest.mark.parametrize(
    ("fields", "begun", "status"),
    [
        ({**_STRANGER, "Content-Length": "1000000"}, b"x" * 1000, b"400"),
        ({**_ANY, "Transfer-Encoding": "chunked"}, b"1\r\na\r\n" * 100_000, b"411"),
    ],
    ids=["length", "chunks"],
)
def test_who_still_sends_hears_all_of_the_answer(
    gateway: tuple[GatewayProcess, S3Server], fields: dict[str, str], begun: bytes, status: bytes
) -> None:
    """A refusal is whole, and ended, though the body has not come to its end."""
    _, server = gateway
    with _connected(server) as client:
        client.sendall(_head("PUT", "/plain-early/k", **fields) + begun)
        head, _, body = _rest(client).partition(b"\r\n\r\n")
    assert (head.split()[1], body.endswith(b"</Error>")) == (status, True)
    assert b"\r\nConnection: close" in head


def test_who_sends_all_before_reading_hears_the_answer(
    gateway: tuple[GatewayProcess, S3Server],
) -> None:
    """A client that sends 100 MiB before it reads anything gets the refusal."""
    _, server = gateway
    with _connected(server) as client:
        size = str(100 * len(_PIECE))
        client.sendall(_head("PUT", "/plain-early/k", **_STRANGER, **{"Content-Length": size}))
        for _ in range(100):
            client.sendall(_PIECE)
        answer = _rest(client)
    assert answer[:13] == b"HTTP/1.1 400 "


def test_what_is_thrown_away_is_not_parsed(gateway: tuple[GatewayProcess, S3Server]) -> None:
    """Behind a refusal nothing is a request, or an error, whatever it looks like."""
    process, server = gateway
    before = counts(process)
    with _connected(server) as client:
        client.sendall(_head("PUT", "/plain-early/k", **_ANY, **{"Transfer-Encoding": "chunked"}))
        answer = client.recv(1 << 16)
        client.sendall(b"0\r\n\r\n" + _head("GET", "/plain-early/small", **_ANY) + b"no chunk\r\n")
        answer += _rest(client)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert _requests(counts(process)) - _requests(before) == 1


@pytest.mark.parametrize("size", [1, 8])
def test_bodies_of_chunks_that_cost_more_than_they_bring(
    gateway: tuple[GatewayProcess, S3Server], moto: S3Server, size: int
) -> None:
    """A body in thousands of chunks of a few bytes each is refused, and nothing is stored."""
    process, server = gateway
    before = counted(counts(process), "limited_total", limit="chunks")
    path = "/plain-early/tiny"
    headers, data = Frames.UNSIGNED_TRAILER.upload(server, path, bytes(1 << 20))
    answer = wire.send(
        server, "PUT", path, {**headers, "Transfer-Encoding": "chunked"}, _chunked(data, size)
    )
    assert answer.failure == (403, "InvalidChunkSizeError")
    assert counted(counts(process), "limited_total", limit="chunks") - before == 1
    assert wire.ask(moto, "GET", path).status == 404


@pytest.mark.parametrize(
    ("size", "count"),
    [(1, 1000), (64, 1 << 20), (1000, 1 << 20), (8192, 4 << 20), (1 << 17, 4 << 20)],
)
def test_bodies_in_chunks_are_stored(
    gateway: tuple[GatewayProcess, S3Server], moto: S3Server, size: int, count: int
) -> None:
    """Chunks of HTTP may have any size that is worth its while, and any where they are few."""
    _, server = gateway
    path, body = f"/plain-early/{size}", bytes(count)
    headers, data = Frames.UNSIGNED_TRAILER.upload(server, path, body)
    answer = wire.send(
        server, "PUT", path, {**headers, "Transfer-Encoding": "chunked"}, _chunked(data, size)
    )
    assert (answer.status, wire.ask(moto, "GET", path).body) == (200, body)
