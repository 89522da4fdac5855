"""Hostile clients hold shared resources: connections, store connections, buffers."""

import contextlib
import itertools
import re
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from tests.conftest import Start
from tests.e2e import images, wire
from tests.e2e.operators import asked, counted, counts
from tests.gateway.s3.test_deleted_keys import HOSTILE
from tests.servers.certificates import Pair
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server, wait_until

pytestmark = pytest.mark.flood

_ATTACKER: Final = "127.0.0.1"
_OTHERS: Final = "127.0.0.2"
_TIMEOUT_S: Final = 30.0
_BUCKET: Final = "photos-flood"
_IMAGE: Final = images.jpeg()
_names = itertools.count()


def _config(server: S3Server, **changes: Mapping[str, object]) -> dict[str, Any]:
    config = configuration(server, engine={"workers": 1}, admin={"listen": "127.0.0.1:0"})
    for section, values in changes.items():
        config[section] = {**config.get(section, {}), **values}
    return config


@pytest.fixture
def prepared(moto: S3Server) -> S3Server:
    """Return a store with a bucket and an object."""
    with s3_client(moto) as direct:
        direct.create_bucket(Bucket=_BUCKET)
        direct.put_object(Bucket=_BUCKET, Key="small", Body=b"small")
    return moto


class _Crowd(contextlib.ExitStack):
    """Connections of one client."""

    def __init__(self, process: GatewayProcess, source: str = _ATTACKER) -> None:
        super().__init__()
        host, port = process.wait_for("listening")["address"].rsplit(":", 1)
        self._address, self._source = (host, int(port)), (source, 0)

    def connect(self) -> socket.socket:
        made = socket.create_connection(self._address, _TIMEOUT_S, source_address=self._source)
        return self.enter_context(made)

    def send(self, count: int, data: bytes) -> list[socket.socket]:
        """Open so many connections and send the same on each."""
        made = [self.connect() for _ in range(count)]
        for each in made:
            with contextlib.suppress(ConnectionError):
                each.sendall(data)
        return made


def _answer(client: socket.socket) -> bytes:
    """Read to the end; being broken off is one."""
    received = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(1 << 16):
            received += piece
    return bytes(received)


def _get(process: GatewayProcess, server: S3Server, source: str = _OTHERS) -> bytes:
    """Get the small object from an address of one's own."""
    path = f"/{_BUCKET}/small"
    lines = {**wire.signed(server, "GET", path), "Connection": "close"}.items()
    head = "\r\n".join([f"GET {path} HTTP/1.1", *(f"{n}: {v}" for n, v in lines), "", ""])
    with _Crowd(process, source) as crowd:
        (client,) = crowd.send(1, head.encode())
        return _answer(client)


def _is_served(process: GatewayProcess, server: S3Server, source: str = _OTHERS) -> bool:
    return _get(process, server, source).endswith(b"\r\n\r\nsmall")


def _upload(size: int, sent: int) -> bytes:
    """Write the beginning of an anonymous upload."""
    head = f"PUT /{_BUCKET}/stalled{next(_names)} HTTP/1.1\r\nHost: x\r\n"
    return f"{head}Content-Length: {size}\r\n\r\n".encode() + b"x" * sent


def _limited(process: GatewayProcess, limit: str) -> float:
    return counted(counts(process), "limited_total", limit=limit)


def _held(process: GatewayProcess) -> float:
    return counted(counts(process), "buffered_bytes")


def _in_flight(process: GatewayProcess) -> float:
    return counted(counts(process), "requests_in_flight")


def test_announced_bodies_hold_no_buffers(prepared: S3Server, start: Start) -> None:
    """Heads of DeleteObjects reserve nothing, so that images are stored small and restored."""
    process = start(_config(prepared, limits={"max_buffered_bytes": "64MiB"}))
    server = prepared.at(process.endpoint)
    head = f"POST /{_BUCKET}?delete HTTP/1.1\r\nHost: x\r\nContent-Length: {2 << 20}\r\n\r\n"
    with _Crowd(process) as crowd:
        crowd.send(64, head.encode())
        wait_until(lambda: _in_flight(process) == 64, "the arrival of all heads")
        assert _held(process) == 0
        stored = wire.ask(server, "PUT", f"/{_BUCKET}/k.jpg", body=_IMAGE)
        assert (stored.status, "x-slimgate-tier" in stored.headers) == (200, True)
        assert len(wire.ask(server, "GET", f"/{_BUCKET}/k.jpg").body) == len(_IMAGE)
    wait_until(lambda: _in_flight(process) == 0, "the end of all requests")
    assert _held(process) == 0


@pytest.mark.parametrize("sent", [0, 10, 65_535])
def test_stalled_uploads_hold_no_place_at_the_store(
    prepared: S3Server, start: Start, sent: int
) -> None:
    """As long as the beginning of a body is missing, the store is free for all others."""
    process = start(_config(prepared, upstream={"max_connections": 2, "pool_timeout_s": 0.5}))
    server = prepared.at(process.endpoint)
    with _Crowd(process) as crowd:
        crowd.send(16, _upload(1 << 20, sent))
        wait_until(lambda: _in_flight(process) == 16, "the arrival of all uploads")
        assert all(_is_served(process, server, source) for source in (_ATTACKER, _OTHERS))
        assert asked(process, "/_slimgate/readyz") == (200, "ready\n")
    assert _limited(process, "store connections") == 0


@pytest.mark.parametrize("sent", [0, 10, 65_535])
def test_clients_that_wait_to_be_asked_leave_places_at_the_store(
    prepared: S3Server, start: Start, sent: int
) -> None:
    """Clients that stall after 100 Continue hold at most a quarter of the connections."""
    process = start(_config(prepared, upstream={"max_connections": 8, "pool_timeout_s": 0.5}))
    server = prepared.at(process.endpoint)
    head = _upload(1 << 20, 0).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    with contextlib.ExitStack() as stack:
        for source in ("127.0.0.3", "127.0.0.4"):
            crowd = stack.enter_context(_Crowd(process, source))
            for asked_one in crowd.send(8, head):
                assert asked_one.recv(100).startswith(b"HTTP/1.1 100 ")
                asked_one.sendall(b"x" * sent)
        assert all(_is_served(process, server, source) for source in ("127.0.0.3", _OTHERS))
    assert _limited(process, "store connections") == 0


@contextlib.contextmanager
def _fed(clients: list[socket.socket], piece: bytes) -> Iterator[None]:
    """Send more on all connections, again and again, for as long as the block lasts."""
    ended = threading.Event()

    def feed() -> None:
        while not ended.wait(0.2):
            for each in clients:
                with contextlib.suppress(OSError):
                    each.send(piece, socket.MSG_DONTWAIT)

    with ThreadPoolExecutor(1) as pool:
        feeding = pool.submit(feed)
        try:
            yield
        finally:
            ended.set()
            feeding.result()


def test_one_address_holds_its_share_of_the_store(prepared: S3Server, start: Start) -> None:
    """Uploads that come steadily keep others waiting for a share of the places alone."""
    process = start(_config(prepared, upstream={"max_connections": 4, "pool_timeout_s": 0.5}))
    server = prepared.at(process.endpoint)
    with _Crowd(process) as crowd, _fed(crowd.send(8, _upload(1 << 26, 1 << 18)), b"x" * 4096):
        wait_until(lambda: _limited(process, "store share") >= 4, "refusals of those that wait")
        assert _is_served(process, server)
        refused = _get(process, server, _ATTACKER)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"<Code>SlowDown</Code>" in refused
        assert b"\r\nRetry-After: 1\r\n" in refused
        assert asked(process, "/_slimgate/readyz") == (200, "ready\n")
    assert _limited(process, "stalled") == 0
    wait_until(lambda: _is_served(process, server, _ATTACKER), "an answer once they are gone", 20)


def test_a_full_store_is_not_waited_for_long(prepared: S3Server, start: Start) -> None:
    """With every place in use by many addresses, others are told to slow down; it stays ready."""
    process = start(_config(prepared, upstream={"max_connections": 2, "pool_timeout_s": 0.5}))
    server = prepared.at(process.endpoint)
    with contextlib.ExitStack() as stack:
        for source in ("127.0.0.3", "127.0.0.4"):
            crowd = stack.enter_context(_Crowd(process, source))
            stack.enter_context(_fed(crowd.send(3, _upload(1 << 26, 1 << 18)), b"x" * 4096))
        wait_until(lambda: b" 503 " in _get(process, server)[:16], "the store being full", 20)
        assert b"<Code>SlowDown</Code>" in _get(process, server)
        assert _limited(process, "store connections") > 0
        assert asked(process, "/_slimgate/readyz") == (200, "ready\n")
    assert _limited(process, "stalled") == 0
    wait_until(lambda: _is_served(process, server), "an answer once they are gone", 20)


@pytest.mark.parametrize("dripped", [b"", b"x"], ids=["silent", "dripping"])
def test_stalled_uploads_make_room_at_the_store(
    prepared: S3Server, start: Start, dripped: bytes
) -> None:
    """Uploads that stall late are broken off as soon as others want their places."""
    process = start(_config(prepared, upstream={"max_connections": 4}))
    server = prepared.at(process.endpoint)
    with contextlib.ExitStack() as stack:
        stalled = []
        for source in (_ATTACKER, "127.0.0.3"):
            crowd = stack.enter_context(_Crowd(process, source))
            stalled += crowd.send(2, _upload(10_000_000, 140_000))
        wait_until(lambda: _in_flight(process) == 4, "the arrival of all uploads")
        stack.enter_context(_fed(stalled, dripped))
        assert {_is_served(process, server, s) for s in (_ATTACKER, _OTHERS, "127.0.0.4")} == {True}
        assert 1 <= _limited(process, "stalled") <= 3
        (first, *_), _, _ = select.select(stalled, [], [], _TIMEOUT_S)
        assert b"<Code>RequestTimeout</Code>" in first.recv(1 << 16)
    wait_until(lambda: _in_flight(process) == 0, "the end of all requests")
    assert _limited(process, "store connections") == 0
    with s3_client(prepared) as direct:
        listed = direct.list_objects_v2(Bucket=_BUCKET, Prefix="stalled")
    assert listed["KeyCount"] == 0


def test_stalled_readers_make_room_at_the_store(prepared: S3Server, start: Start) -> None:
    """Readers that take nothing are broken off as soon as others want their places."""
    process = start(_config(prepared, upstream={"max_connections": 4}))
    server = prepared.at(process.endpoint)
    path = f"/{_BUCKET}/large"
    assert wire.ask(server, "PUT", path, body=bytes(48 << 20)).status == 200
    lines = wire.signed(server, "GET", path).items()
    head = "\r\n".join([f"GET {path} HTTP/1.1", *(f"{n}: {v}" for n, v in lines), "", ""])
    with contextlib.ExitStack() as stack:
        for source in (_ATTACKER, "127.0.0.3"):
            stack.enter_context(_Crowd(process, source)).send(2, head.encode())
        wait_until(lambda: _in_flight(process) == 4, "the arrival of all requests")
        assert {_is_served(process, server, s) for s in (_ATTACKER, _OTHERS, "127.0.0.4")} == {True}
        assert 1 <= _limited(process, "stalled") <= 3
    assert _limited(process, "store connections") == 0


def test_readers_of_restored_files_hold_no_place_at_the_store(
    prepared: S3Server, start: Start
) -> None:
    """However slowly an image is read, the store is free for all others by then.

    With one place for each address, a restored file has to do with one at a time, too.
    """
    process = start(_config(prepared, upstream={"max_connections": 2, "pool_timeout_s": 0.5}))
    server = prepared.at(process.endpoint)
    path = f"/{_BUCKET}/large.png"
    image = images.saved(images.photo(1700, 1500), "PNG", compress_level=0)
    assert "x-slimgate-tier" in wire.ask(server, "PUT", path, body=image).headers
    assert len(wire.ask(server, "GET", path).body) == len(image)
    lines = wire.signed(server, "GET", path).items()
    head = "\r\n".join([f"GET {path} HTTP/1.1", *(f"{n}: {v}" for n, v in lines), "", ""])
    with _Crowd(process) as crowd:
        for reader in crowd.send(4, head.encode()):
            assert reader.recv(1).startswith(b"H")
        assert {_is_served(process, server, s) for s in (_ATTACKER, _OTHERS)} == {True}
        assert _in_flight(process) == 4
    assert _limited(process, "stalled") == 0


def test_a_completion_needs_one_place_at_the_store(prepared: S3Server, start: Start) -> None:
    """An image in parts is read back and replaced over the only connection there is."""
    process = start(_config(prepared, upstream={"max_connections": 1, "pool_timeout_s": 0.5}))
    about = {"Bucket": _BUCKET, "Key": "parts.jpg"}
    with s3_client(prepared.at(process.endpoint)) as s3:
        upload_id = s3.create_multipart_upload(**about)["UploadId"]
        part = s3.upload_part(**about, UploadId=upload_id, PartNumber=1, Body=_IMAGE)
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        s3.complete_multipart_upload(**about, UploadId=upload_id, MultipartUpload=parts)
        assert s3.get_object(**about)["ContentLength"] == len(_IMAGE)
    with s3_client(prepared) as direct:
        assert direct.head_object(**about)["ContentLength"] < len(_IMAGE)
    assert _limited(process, "store connections") == 0


def test_proxies_are_not_bound(prepared: S3Server, start: Start) -> None:
    """An address that speaks for many clients may hold everything."""
    process = start(_config(prepared, limits={"max_connections": 4, "proxies": ["127.0.0.0/30"]}))
    server = prepared.at(process.endpoint)
    with _Crowd(process) as crowd:
        crowd.send(3, _upload(1 << 20, 0))
        wait_until(lambda: _in_flight(process) == 3, "the arrival of all uploads")
        assert _is_served(process, server, _ATTACKER)
    assert _limited(process, "connection share") == 0


def test_one_address_holds_its_share_of_connections(prepared: S3Server, start: Start) -> None:
    """Beyond its share an address is told to slow down, and others do not notice."""
    process = start(_config(prepared, limits={"max_connections": 8}))
    server = prepared.at(process.endpoint)
    with _Crowd(process) as crowd:
        crowd.send(4, _upload(1 << 20, 0))
        wait_until(lambda: _in_flight(process) == 4, "the arrival of all uploads")
        for late in crowd.send(20, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
            assert b"<Code>SlowDown</Code>" in _answer(late)
        assert _is_served(process, server)
        assert _limited(process, "connection share") == 20


def test_silent_connections_are_cut_off(prepared: S3Server, start: Start) -> None:
    """A connection that has brought nothing yet has no longer than a head may take."""
    limits = {"head_timeout_s": 0.5, "keepalive_timeout_s": 600}
    process = start(_config(prepared, limits=limits))
    with _Crowd(process) as crowd:
        assert {_answer(each) for each in crowd.send(20, b"")} == {b""}
    cut = counted(counts(process), "connections_cut_total", reason="head")
    assert cut == 20


@pytest.fixture
def shaken(
    prepared: S3Server, start: Start, pair: Pair
) -> tuple[GatewayProcess, Callable[[str], bytes]]:
    """Return a gateway with TLS, and what gets an object there from an address."""
    limits = {"max_connections": 8, "handshake_timeout_s": 3}
    process = start({**_config(prepared, limits=limits), "tls": pair.settings})
    context = ssl.create_default_context(cafile=str(pair.trusted))
    server = prepared.at(process.endpoint)
    path = f"/{_BUCKET}/small"

    def get(source: str) -> bytes:
        lines = {**wire.signed(server, "GET", path), "Connection": "close"}.items()
        head = "\r\n".join([f"GET {path} HTTP/1.1", *(f"{n}: {v}" for n, v in lines), "", ""])
        with _Crowd(process, source) as crowd:
            plain = crowd.connect()
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as client:
                client.sendall(head.encode())
                return _answer(client)

    return process, get


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_silent_tls_connections(
    shaken: tuple[GatewayProcess, Callable[[str], bytes]], sent: bytes
) -> None:
    """Connections that do not finish their handshake count as others do, and end soon."""
    process, get = shaken
    assert get(_OTHERS).endswith(b"small")
    with _Crowd(process) as crowd:
        silent = crowd.send(40, sent)
        assert get(_OTHERS).endswith(b"small")
        assert {_answer(each) for each in silent} <= {b""}
    wait_until(lambda: _succeeds(get), "an answer once they are gone", 20)
    assert _limited(process, "connection share") >= 36
    wait_until(lambda: counted(counts(process), "connections") == 0, "the end of all", 20)


def test_broken_handshakes_leave_nothing_behind(
    shaken: tuple[GatewayProcess, Callable[[str], bytes]],
) -> None:
    """Clients that speak no TLS, or go away, are counted no more."""
    process, get = shaken
    for _ in range(10):
        with _Crowd(process) as crowd:
            for each in crowd.send(2, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
                _answer(each)
            crowd.send(2, b"")
        wait_until(lambda: _succeeds(get), "an answer", 20)
    wait_until(lambda: counted(counts(process), "connections") == 0, "the end of all", 20)
    assert process.process.poll() is None


def _succeeds(get: Callable[[str], bytes]) -> bool:
    with contextlib.suppress(OSError):
        return get(_ATTACKER).endswith(b"small")
    return False


def _fields(count: int, size: int) -> bytes:
    return b"".join(b"X-%03d: %b\r\n" % (n, b"a" * size) for n in range(count))


@pytest.mark.parametrize(
    "fields",
    [_fields(60, 16_200), _fields(5, 16_200) + b"\r\n", _fields(240, 300) + b"\r\n"],
    ids=["unfinished", "large", "many"],
)
def test_heads_are_bounded_as_a_whole(prepared: S3Server, start: Start, fields: bytes) -> None:
    """A head of more than 64 KiB is refused, finished or not, though each field is small enough."""
    process = start(_config(prepared))
    with _Crowd(process) as crowd:
        (client,) = crowd.send(1, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + fields)
        answer = _answer(client)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>RequestHeaderSectionTooLarge</Code>" in answer
    assert _limited(process, "head") == 1
    assert _is_served(process, prepared.at(process.endpoint))


def test_pipelined_heads_are_bounded(prepared: S3Server, start: Start) -> None:
    """A head behind a request that is being served is held to the same bound."""
    process = start(_config(prepared))
    with _Crowd(process) as crowd:
        request = b"GET /photos-flood/small HTTP/1.1\r\nHost: x\r\n"
        client = crowd.connect()
        client.sendall(request + b"\r\n" + request)
        with contextlib.suppress(ConnectionError):
            client.sendall(_fields(200, 16_200))
        answer = _answer(client)
    assert b"small" not in answer.partition(b"small")[2]
    assert _limited(process, "head") == 1


def test_large_honest_heads_fit(prepared: S3Server, start: Start) -> None:
    """2 KiB of metadata in short fields and a long presigned query are served."""
    process = start(_config(prepared))
    server = prepared.at(process.endpoint)
    metadata = {f"x-amz-meta-{n:03}": "v" * 22 for n in range(80)}
    path = f"/{_BUCKET}/rich"
    answer = wire.ask(server, "PUT", path, metadata, b"rich")
    assert answer.status == 200
    shown = wire.ask(server, "GET", path).headers
    assert {name: shown[name] for name in metadata} == metadata
    disposition = "response-content-disposition=" + "a" * 7000
    assert wire.ask(server, "GET", f"{path}?{disposition}").body == b"rich"


def test_bodies_behind_heads_are_not_counted(prepared: S3Server, start: Start) -> None:
    """Uploads on one connection, larger than any head, are taken one after the other."""
    process = start(_config(prepared))
    body = b"y" * (1 << 20)
    with _Crowd(process) as crowd:
        client = crowd.connect()
        for _ in range(4):
            client.sendall(_upload(len(body), 0) + body)
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
            client.sendall(_upload(len(body), len(body) // 2))
            client.sendall(body[len(body) // 2 :])
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


def test_hostile_xml_holds_nobody_up(prepared: S3Server, start: Start) -> None:
    """While bombs of every shape come in, other clients are served, and nothing stays held."""
    process = start(_config(prepared))
    server = prepared.at(process.endpoint)
    ended = threading.Event()

    def attack(body: bytes) -> int:
        return wire.ask(server, "POST", f"/{_BUCKET}?delete", body=body[: 2 << 20]).status

    def get() -> set[bool]:
        return {_is_served(process, server) for _ in iter(ended.is_set, True)}

    with ThreadPoolExecutor(5) as pool:
        others = pool.submit(get)
        statuses = list(pool.map(attack, HOSTILE.values()))
        ended.set()
        assert others.result() == {True}
    assert len(statuses) == len(HOSTILE)
    assert _held(process) == 0
    assert process.process.poll() is None


def test_strangers_do_not_empty_the_cache(rgw: S3Server, start: Start) -> None:
    """What the store refuses to delete or to overwrite stays in the cache."""
    process = start(_config(rgw))
    server = rgw.at(process.endpoint)
    owner, stranger = rgw.users
    path = "/photos-kept/k.jpg"
    with s3_client(server, owner) as mine, s3_client(server, stranger) as theirs:
        mine.create_bucket(Bucket="photos-kept")
        mine.put_object(Bucket="photos-kept", Key="k.jpg", Body=_IMAGE)
        wire.ask(server, "GET", path)
        attempts: tuple[Callable[[], object], ...] = (
            lambda: theirs.delete_object(Bucket="photos-kept", Key="k.jpg"),
            lambda: theirs.put_object(Bucket="photos-kept", Key="k.jpg", Body=b"mine now"),
        )
        for attempt in attempts:
            with contextlib.suppress(theirs.exceptions.ClientError):
                attempt()
            assert wire.ask(server, "GET", path).headers["x-slimgate-cache"] == "hit"
        mine.delete_objects(Bucket="photos-kept", Delete={"Objects": [{"Key": "k.jpg"}]})
    wait_until(lambda: counted(counts(process), "cache_bytes") == 0, "an empty cache", 20)


def test_one_address_may_have_so_many_connections(prepared: S3Server, start: Start) -> None:
    """Further ones are told to slow down; other addresses are served."""
    process = start(_config(prepared, limits={"per_address": {"connections": 2}}))
    server = prepared.at(process.endpoint)
    with _Crowd(process) as crowd:
        crowd.send(2, f"GET /{_BUCKET} HTTP/1.1\r\n".encode())
        refused = _get(process, server, _ATTACKER)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: 1\r\n" in refused
        assert _is_served(process, server)
    assert _limited(process, "connection share") == 1


def test_one_identity_may_ask_so_often(prepared: S3Server, start: Start) -> None:
    """Then it is told when to ask again, from any address. Forged requests use up nothing."""
    often = {"requests_per_s": 0.01, "burst": 3}
    process = start(_config(prepared, limits={"per_identity": often}))
    server = prepared.at(process.endpoint)
    path = f"/{_BUCKET}/small"
    forged = {**wire.signed(server, "GET", path), "x-amz-date": "20200101T000000Z"}
    for _ in range(5):
        assert wire.send(server, "GET", path, headers=forged).status == 403
    assert [_is_served(process, server, f"127.0.0.{number}") for number in (2, 3, 4)] == [True] * 3
    refused = _get(process, server)
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"<Code>SlowDown</Code>" in refused
    (wait_s,) = re.findall(rb"\r\nRetry-After: (\d+)\r\n", refused)
    assert 60 < int(wait_s) <= 100
    assert _limited(process, "identity requests") == 1


def test_addresses_behind_a_proxy_are_told_apart(prepared: S3Server, start: Start) -> None:
    """A client cannot pass for another one; what its proxy appends counts."""
    limits = {
        "proxies": ["127.0.0.1"],
        "forwarded_for": True,
        "per_address": {"requests_per_s": 0.01, "burst": 1},
    }
    process = start(_config(prepared, limits=limits))
    url = f"/{_BUCKET}/small"

    def status(source: str) -> int:
        server, said = prepared.at(process.endpoint), {"Host": "x", "X-Forwarded-For": source}
        return wire.send(server, "GET", url, headers=said).status

    invented = ["192.0.2.9, 198.51.100.1", "192.0.2.8, 198.51.100.1", "198.51.100.1, 192.0.2.9"]
    assert [status(each) == 503 for each in invented] == [False, True, False]
    assert _limited(process, "address requests") == 1


def test_one_client_holds_so_many_bytes(prepared: S3Server, start: Start) -> None:
    """A stalled upload leaves less for the next one of its address, and all for others."""
    process = start(_config(prepared, limits={"per_address": {"bytes_in_flight": "1MiB"}}))
    server = prepared.at(process.endpoint)

    def upload(size: int) -> bytes:
        path = f"/{_BUCKET}/held{next(_names)}.jpg"
        said = {**wire.signed(server, "PUT", path), "Content-Length": size, "Connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        return f"PUT {path} HTTP/1.1\r\n{lines}\r\n".encode() + _IMAGE

    with _Crowd(process) as crowd:
        crowd.send(1, upload(2 << 20) + bytes((2 << 20) - 1 - len(_IMAGE)))
        wait_until(lambda: _held(process) >= 1 << 20, "the upload")
        (refused,) = map(_answer, crowd.send(1, upload(len(_IMAGE))))
        assert b"<Code>SlowDown</Code>" in refused
        with _Crowd(process, _OTHERS) as others:
            (passed,) = map(_answer, others.send(1, upload(len(_IMAGE))))
        assert passed.startswith(b"HTTP/1.1 200 ")
    assert _limited(process, "address bytes") == 1
