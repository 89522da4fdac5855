"""Attempts to send the gateway to another host than the store, with the bucket in the host name."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5, sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal

import pytest

from slimgate.config.upstream import Upstream as UpstreamSettings
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import Target, key_target
from slimgate.gateway.storage.object_client import Caller, UpstreamClient
from slimgate.gateway.storage.upstream import Request, Upstream
from tests.e2e import wire
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server

_SECRET: Final = b"of no concern to clients"


class Internal:
    """A service beside the gateway that clients must not reach."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        seen = self.asked

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                seen.append(self.requestline)
                self.send_response(200)
                self.send_header("Content-Length", str(len(_SECRET)))
                self.end_headers()
                self.wfile.write(_SECRET)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = _answer  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                del format, args

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        """Return where it listens."""
        return self.server.server_port


@contextmanager
def _internal() -> Iterator[Internal]:
    made = Internal()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


@pytest.fixture(scope="module")
def internal() -> Iterator[Internal]:
    """Run a service that no client may reach."""
    with _internal() as made:
        yield made


@pytest.fixture(scope="module")
def virtual(moto: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Run a gateway that puts the bucket into the host name."""
    config = configuration(moto)
    config["upstream"] |= {"endpoint": _named(moto), "addressing": "virtual"}
    with GatewayProcess(config, tmp_path_factory.mktemp("virtual")) as process:
        yield moto.at(process.endpoint)


_BUCKETS: Final = [
    "127.0.0.1:{port}%2Flatest%2Fmeta-data%3F",
    "127.0.0.1:{port}%2F%3F",
    "127.0.0.1:{port}%23",
    "127.0.0.1:{port}%5C",
    "127.0.0.1%3A{port}%252F",
    "u%40127.0.0.1:{port}%2F%3F",
    "u:p%40127.0.0.1:{port}",
    "[::ffff:127.0.0.1]:{port}%2F%3F",
    "x%0d%0aHost:%20127.0.0.1:{port}%0d%0a",
    "127%E3%80%820%E3%80%820%E3%80%821:{port}%2F%3F",
    "%D9%A1%D9%A2%D9%A7.0.0.1:{port}%2F%3F",
]


@pytest.mark.parametrize("bucket", _BUCKETS)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "anonymous"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"])
def test_no_bucket_leads_elsewhere(
    virtual: S3Server, internal: Internal, method: str, signed: bool, bucket: str
) -> None:
    """A bucket that is a piece of a URL is refused at once, signed or not."""
    path = f"/{bucket.format(port=internal.port)}/x"
    headers = wire.signed(virtual, method, path) if signed else {"Host": virtual.host}
    answer = wire.send(virtual, method, path, headers)
    assert answer.failure == (400, "" if method == "HEAD" else "InvalidBucketName")
    assert internal.asked == []


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1:{port}/by-host?.localhost", "BadRequest"),
        ("127.0.0.1:{port}#.localhost", "BadRequest"),
        ("u@127.0.0.1:{port}", "BadRequest"),
        ("u@127.0.0.1.localhost", "BadRequest"),
        ("ab.localhost", "InvalidBucketName"),
    ],
)
def test_no_host_header_leads_elsewhere(
    virtual: S3Server, internal: Internal, host: str, code: str
) -> None:
    """A Host header that is a piece of a URL is refused."""
    answer = wire.send(virtual, "GET", "/x", {"Host": host.format(port=internal.port)})
    assert answer.failure == (400, code)
    assert internal.asked == []


@pytest.mark.parametrize(
    "line",
    [
        "GET http://127.0.0.1:{port}/Abc/x HTTP/1.1",
        "GET http://u@127.0.0.1:{port}/Abc/x HTTP/1.1",
        "GET HTTP://127.0.0.1:{port}/Abc/x HTTP/1.1",
        "GET //127.0.0.1:{port}/Abc/x HTTP/1.1",
        "GET ftp://127.0.0.1:{port}/Abc/x HTTP/1.1",
        "CONNECT 127.0.0.1:{port} HTTP/1.1",
        "OPTIONS * HTTP/1.1",
    ],
)
def test_no_request_target_leads_elsewhere(
    virtual: S3Server, internal: Internal, line: str
) -> None:
    """An absolute request target names a path of the gateway, and no host to go to."""
    host, port = virtual.host.split(":")
    head = f"{line.format(port=internal.port)}\r\nHost: {virtual.host}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(head.encode())
        received = b"".join(iter(lambda: client.recv(65_536), b""))
    assert received.startswith(b"HTTP/1.1 4")
    assert _SECRET not in received
    assert internal.asked == []


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("127.0.0.1:{port}%2F%3F/x", "InvalidBucketName"),
        ("u%40127.0.0.1:{port}/x", "InvalidBucketName"),
        ("photos?x=127.0.0.1:{port}/x", "InvalidArgument"),
    ],
)
def test_no_copy_source_leads_elsewhere(
    virtual: S3Server, internal: Internal, source: str, code: str
) -> None:
    """A copy source is an object of the store."""
    headers = {"x-amz-copy-source": source.format(port=internal.port)}
    answer = wire.ask(virtual, "PUT", "/photos-any/k", headers)
    assert answer.failure == (400, code)
    assert internal.asked == []


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve names below localhost as RFC 6761, section 6.3, wants it; not every machine does."""
    resolve = socket.getaddrinfo

    def resolved(host: str | bytes | None, *args: Any, **options: Any) -> Any:
        below = isinstance(host, str) and host.endswith(".localhost")
        return resolve("127.0.0.1" if below else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("bucket", ["hosts-plain", "hosts.with.dots", "Hosts_Old"])
async def test_buckets_are_reached_by_either_style(
    moto: S3Server, bucket: str, style: Literal["path", "virtual"]
) -> None:
    """Any bucket is reached, in the host name or in the path, by all requests of the gateway."""
    bucket, key = f"{bucket}{'.path' if style == 'path' else ''}", "a b/../c"
    identity = Identity(moto.main.access, moto.main.secret)
    settings = UpstreamSettings(endpoint=_named(moto), addressing=style)
    requests = (
        Request("PUT", Target(bucket, "", "")),
        Request("PUT", key_target(bucket, key), "", {}, b"x", 1, sha256(b"x").hexdigest()),
    )
    async with Upstream(settings) as upstream:
        for request in requests:
            async with upstream.send(request, identity) as response:
                assert response.status == HTTPStatus.OK
                fits = style == "virtual" and bucket != "Hosts_Old"
                assert (response.host == f"{bucket}.localhost") == fits
        client = UpstreamClient(upstream, Caller(identity))
        async with client.head(key_target(bucket, key)) as head:
            assert head.headers["ETag"] == f'"{md5(b"x", usedforsecurity=False).hexdigest()}"'


def _named(server: S3Server) -> str:
    """Return the server's URL with a name before which a bucket can stand."""
    return f"http://localhost:{server.host.rpartition(':')[2]}"
