import datetime
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Start
from tests.e2e import images, wire
from tests.servers.clients import failure, s3_client
from tests.servers.gateway import configuration
from tests.servers.server import Keys, S3Server

_FILE = images.jpeg()
_OTHER = Keys("alt", "alt-secret")
_Change = Callable[[dict[str, str]], dict[str, str]]


def _with(name: str, value: str) -> _Change:
    return lambda headers: {**headers, name: value}


def _replaced(old: str, new: str) -> _Change:
    return lambda headers: {
        **headers, "Authorization": headers["Authorization"].replace(old, new)
    }  # fmt: skip


def _without(name: str) -> _Change:
    return lambda headers: {key: value for key, value in headers.items() if key != name}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (_replaced("Signature=", "Signature=0"), (403, "SignatureDoesNotMatch")),
        (_replaced("Credential=main/", "Credential=nobody/"), (403, "InvalidAccessKeyId")),
        (_replaced("/s3/", "/ec2/"), (400, "AuthorizationHeaderMalformed")),
        (_replaced(", Signature=", ", Sig="), (400, "AuthorizationHeaderMalformed")),
        (_with("Authorization", "Bearer abc"), (400, "InvalidArgument")),
        (_with("Authorization", "AWS main:abc"), (400, "InvalidRequest")),
        (_with("x-amz-meta-more", "unsigned"), (403, "AccessDenied")),
        (_with("Host", "127.0.0.1:1"), (403, "SignatureDoesNotMatch")),
        (_with("X-Amz-Date", "20200101T000000Z"), (400, "AuthorizationHeaderMalformed")),
        (_without("X-Amz-Date"), (403, "AccessDenied")),
        (_without("X-Amz-Content-SHA256"), (400, "InvalidRequest")),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_wrong_signatures_are_refused(
    gateway: S3Server, photos: str, method: str, change: _Change, refusal: tuple[int, str]
) -> None:
    """A request with a wrong signature is refused with the error code of S3."""
    path = f"/{photos}/k"
    headers = change(wire.signed(gateway, method, path, payload_hash="UNSIGNED-PAYLOAD"))
    answer = wire.send(gateway, method, path, headers)
    assert answer.failure == refusal
    assert answer.headers["x-amz-request-id"].encode() in answer.body


@pytest.mark.parametrize("minutes", [-20, 20])
def test_clocks_must_agree(gateway: S3Server, photos: str, minutes: int) -> None:
    """A request that was signed long ago, or will be, is refused."""
    age = datetime.timedelta(minutes=minutes)
    headers = wire.signed(gateway, "GET", f"/{photos}", age=age)
    answer = wire.send(gateway, "GET", f"/{photos}", headers)
    assert answer.failure == (403, "RequestTimeTooSkewed")


def test_refused_heads_have_no_body(gateway: S3Server, photos: str) -> None:
    """An error to HEAD is a status line and headers, and not a byte more."""
    headers = _replaced("Signature=", "Signature=0")(wire.signed(gateway, "HEAD", f"/{photos}/k"))
    lines = [f"HEAD /{photos}/k HTTP/1.1", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    received = _exchange(gateway, "\r\n".join([*lines, "", ""]).encode())
    assert received.startswith(b"HTTP/1.1 403 ")
    assert received.endswith(b"\r\n\r\n")
    assert received.count(b"\r\n\r\n") == 1


def _exchange(server: S3Server, request: bytes) -> bytes:
    host, port = server.host.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(65_536), b""))


@pytest.mark.parametrize("expires_s", [-1, 604_801])
def test_presigned_lifetimes_are_bounded(gateway: S3Server, expires_s: int) -> None:
    """A presigned URL that claims a lifetime beyond a week, or below nothing, is refused."""
    path = wire.presigned(gateway, "/", expires_s=expires_s)
    answer = wire.send(gateway, "GET", path, {"Host": gateway.host})
    assert answer.failure == (400, "AuthorizationQueryParametersError")


@pytest.mark.parametrize(
    ("age_s", "refusal"),
    [
        (60, (200, "")),
        (3500, (200, "")),
        (3610, (403, "AccessDenied")),
        (-1200, (403, "AccessDenied")),
    ],
)
def test_presigned_urls_expire(
    gateway: S3Server, photos: str, age_s: int, refusal: tuple[int, str]
) -> None:
    """A presigned URL is valid from its date until its time is over."""
    age = datetime.timedelta(seconds=age_s)
    path = wire.presigned(gateway, f"/{photos}", expires_s=3600, age=age)
    assert wire.send(gateway, "GET", path, {"Host": gateway.host}).failure == refusal


def test_presigned_urls_are_for_one_object(gateway: S3Server, photos: str) -> None:
    """A presigned URL of which anything was changed is refused."""
    path = wire.presigned(gateway, f"/{photos}/k", expires_s=3600).replace("/k?", "/other?")
    answer = wire.send(gateway, "GET", path, {"Host": gateway.host})
    assert answer.failure == (403, "SignatureDoesNotMatch")


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def test_presigned_urls_work(s3: Any, gateway: S3Server, photos: str) -> None:
    """An image goes up and down by presigned URLs alone, and is managed in between."""
    params, headers = {"Bucket": photos, "Key": "a b/ü.jpg"}, {"Host": gateway.host}
    put = s3.generate_presigned_url("put_object", Params=params)
    assert wire.send(gateway, "PUT", _path(put), headers, _FILE).status == 200
    get = s3.generate_presigned_url("get_object", Params=params)
    answer = wire.send(gateway, "GET", _path(get), headers)
    assert "x-slimgate-tier" in answer.headers
    assert images.score(_FILE, answer.body) >= images.FLOOR_SCORE


def test_buckets_in_the_host_name(s3: Any, gateway: S3Server, photos: str) -> None:
    """bucket.localhost/key is the same object as localhost/bucket/key."""
    host = f"{photos}.localhost:{gateway.host.split(':')[1]}"
    virtual = S3Server(f"http://{host}", gateway.users)
    headers = wire.signed(virtual, "PUT", "/k")
    assert wire.send(gateway, "PUT", "/k", headers, _FILE).status == 200
    answer = wire.send(gateway, "GET", "/k", wire.signed(virtual, "GET", "/k"))
    assert s3.get_object(Bucket=photos, Key="k")["Body"].read() == answer.body
    listed = wire.send(gateway, "GET", "/", wire.signed(virtual, "GET", "/"))
    assert b"<Key>k</Key>" in listed.body


@pytest.mark.parametrize(("correct", "first_line"), [(True, b"100 "), (False, b"403 ")])
def test_only_known_clients_are_asked_to_go_on(
    gateway: S3Server, photos: str, correct: bool, first_line: bytes
) -> None:
    """100 Continue is answered after the signature has been verified, and never before."""
    path = f"/{photos}/k"
    headers = wire.signed(gateway, "PUT", path, {"Expect": "100-continue"})
    headers = headers if correct else _replaced("Signature=", "Signature=0")(headers)
    lines = [f"PUT {path} HTTP/1.1", f"Content-Length: {len(_FILE)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    host, port = gateway.host.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        assert client.recv(64).startswith(b"HTTP/1.1 " + first_line)
        if correct:
            client.sendall(_FILE)
            assert client.recv(64).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("framed", [False, True])
def test_the_store_refuses_before_the_body_is_sent(
    gateway: S3Server, upstream: S3Server, plain: str, framed: bool
) -> None:
    """A client that waits to be asked for its body hears the store's refusal instead."""
    if upstream.is_moto:
        pytest.skip("moto lets everybody do everything")
    path, expects = f"/{plain}/k", {"Expect": "100-continue"}
    length = {"Content-Length": str(5 << 30)}
    if framed:
        expects["x-amz-decoded-content-length"] = str(5 << 30)
        declared, length = "STREAMING-UNSIGNED-PAYLOAD-TRAILER", {"Transfer-Encoding": "chunked"}
    else:
        declared = "UNSIGNED-PAYLOAD"
    signed = wire.signed(gateway, "PUT", path, expects, payload_hash=declared, keys=_OTHER)
    lines = [f"PUT {path} HTTP/1.1", *(f"{n}: {v}" for n, v in {**signed, **length}.items())]
    host, port = gateway.host.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        received = b"".join(iter(lambda: client.recv(65_536), b""))
    assert received.startswith(b"HTTP/1.1 403 ")
    assert b"<Code>AccessDenied</Code>" in received


@pytest.mark.parametrize(("body", "correct"), [(b"", True), (_FILE, False)])
def test_who_is_not_asked_is_parted_from(
    gateway: S3Server, photos: str, body: bytes, correct: bool
) -> None:
    """After an answer without 100 Continue the connection ends: is a body what comes next?"""
    path = f"/{photos}/k"
    headers = wire.signed(gateway, "PUT", path, {"Expect": "100-continue"})
    headers = headers if correct else _replaced("Signature=", "Signature=0")(headers)
    lines = [f"PUT {path} HTTP/1.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    host, port = gateway.host.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        received = client.recv(65_536)
    assert received[:13] == (b"HTTP/1.1 200 " if correct else b"HTTP/1.1 403 ")
    assert b"\r\nconnection: close\r\n" in received.lower()


@pytest.mark.parametrize("operation", ["get_object", "head_object", "list_objects_v2"])
@pytest.mark.parametrize("keys", [Keys("alt", "alt-secret"), None], ids=["alt", "anonymous"])
def test_others_get_what_they_would_get(
    s3: Any, gateway: S3Server, upstream: S3Server, photos: str, keys: Keys | None, operation: str
) -> None:
    """Without permission to read an object, its restored file is refused, cached or not."""
    if upstream.is_moto:
        pytest.skip("moto lets everybody do everything")
    s3.put_object(Bucket=photos, Key="k", Body=_FILE)
    s3.get_object(Bucket=photos, Key="k")["Body"].read()
    arguments = {"Bucket": photos} | ({} if operation.startswith("list") else {"Key": "k"})
    if keys is None:
        path = "/".join(["", *arguments.values()])
        method = "HEAD" if operation == "head_object" else "GET"
        assert wire.send(gateway, method, path, {"Host": gateway.host}).status == 403
        return
    with s3_client(gateway, keys) as client, pytest.raises(ClientError) as caught:
        getattr(client, operation)(**arguments)
    assert failure(caught.value)[0] == 403


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("get_object", {"Key": "none"}),
        ("head_object", {"Key": "none"}),
        ("get_object", {"Bucket": "photos-none", "Key": "k"}),
        ("put_object", {"Bucket": "photos-none", "Key": "k", "Body": _FILE}),
        ("list_objects_v2", {"Bucket": "photos-none"}),
        ("get_bucket_policy", {}),
        ("get_object_tagging", {"Key": "none"}),
    ],
)
def test_what_is_missing_is_missing_as_upstream(
    s3: Any, direct: Any, photos: str, operation: str, arguments: dict[str, object]
) -> None:
    """A missing bucket, key or setting is reported with the upstream's own status and code."""
    refusals = []
    for client in (s3, direct):
        with pytest.raises(ClientError) as caught:
            getattr(client, operation)(**{"Bucket": photos, **arguments})
        refusals.append(failure(caught.value))
    assert refusals[1] == refusals[0]


def test_strangers_need_the_consent_of_the_policy(upstream: S3Server, start: Start) -> None:
    """Without it they get no answer of the store, however public the bucket is there."""
    policy = {"name": "photos", "bucket": "photos*", "mode": "optimize"}
    process = start(configuration(upstream, policies=[policy]))
    server, path = upstream.at(process.endpoint), "/photos-strangers/k"
    with s3_client(server) as client:
        client.create_bucket(Bucket="photos-strangers", ACL="public-read-write")
        client.put_object(Bucket="photos-strangers", Key="k", Body=b"x", ACL="public-read")
    host = {"Host": server.host}
    for method, url in (("GET", path), ("PUT", path), ("GET", "/photos-strangers")):
        assert wire.send(server, method, url, host).failure == (403, "AccessDenied")
    assert wire.send(server, "GET", wire.presigned(server, path), host).body == b"x"
    assert wire.ask(server, "GET", path).body == b"x"
