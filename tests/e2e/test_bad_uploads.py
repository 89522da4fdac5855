import base64
import hashlib
import random
import socket
from typing import Any

import psutil
import pytest

from tests.e2e import images, wire
from tests.e2e.framing import Frames
from tests.servers.gateway import GatewayProcess
from tests.servers.server import S3Server, wait_until

_LARGE = random.Random(2).randbytes((3 << 20) + 5)
_WAYS = pytest.mark.parametrize(
    ("bucket", "body"),
    [
        ("photos", images.jpeg()),
        ("photos", images.noise(700)),
        ("photos", _LARGE),
        ("plain", b"text"),
        ("plain", _LARGE),
    ],
    ids=["managed", "image-kept-plain", "streamed", "plain-small", "plain-large"],
)
_BEFORE = b"what was there before"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def target(request: pytest.FixtureRequest, s3: Any, bucket: str) -> str:
    """Make an object in a fresh bucket, and return its path."""
    name = request.getfixturevalue(bucket)
    s3.put_object(Bucket=name, Key="k", Body=_BEFORE)
    return f"/{name}/k"


def _is_untouched(direct: Any, target: str) -> bool:
    _, bucket, key = target.split("/")
    listed = direct.list_objects_v2(Bucket=bucket)["Contents"]
    body: bytes = direct.get_object(Bucket=bucket, Key=key)["Body"].read()
    return [key] == [entry["Key"] for entry in listed] and body == _BEFORE


@pytest.mark.parametrize("bucket", ["photos", "plain"])
@pytest.mark.parametrize("chunk", [1, 8191])
@pytest.mark.parametrize("frames", Frames)
def test_small_chunks_are_refused(
    direct: Any, gateway: S3Server, target: str, frames: Frames, chunk: int
) -> None:
    """Chunks below 8 KiB before the last one are refused as S3 does; nothing is stored."""
    body = images.jpeg()
    headers, framed = frames.upload(gateway, target, body, chunk=chunk)
    answer = wire.send(gateway, "PUT", target, headers, framed)
    assert answer.failure == (403, "InvalidChunkSizeError")
    assert b"Only the last chunk is allowed to have a size less than 8192 bytes" in answer.body
    assert _is_untouched(direct, target)


@pytest.mark.parametrize("bucket", ["photos"])
@pytest.mark.parametrize("frames", Frames)
def test_chunks_of_8_kib_are_taken(s3: Any, gateway: S3Server, target: str, frames: Frames) -> None:
    """The smallest chunks that S3 takes are taken, with a smaller last one."""
    body = images.jpeg()
    headers, framed = frames.upload(gateway, target, body, chunk=8192)
    assert wire.send(gateway, "PUT", target, headers, framed).status == 200
    bucket, key = target.removeprefix("/").split("/")
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(body)


@_WAYS
@pytest.mark.parametrize(
    ("declared", "code"),
    [
        (("Content-MD5", _base64(b"m" * 16)), "BadDigest"),
        (("x-amz-checksum-crc32", _base64(b"abcd")), "BadDigest"),
        (("x-amz-checksum-crc32c", _base64(b"abcd")), "BadDigest"),
        (("x-amz-checksum-crc64nvme", _base64(b"abcdefgh")), "BadDigest"),
        (("x-amz-checksum-sha1", _base64(b"s" * 20)), "BadDigest"),
        (("x-amz-checksum-sha256", _base64(b"s" * 32)), "BadDigest"),
        (("Content-MD5", "nonsense"), "InvalidDigest"),
        (("x-amz-checksum-crc32", "nonsense"), "InvalidRequest"),
    ],
)
def test_wrong_digests_are_refused(
    gateway: S3Server, direct: Any, target: str, body: bytes, declared: tuple[str, str], code: str
) -> None:
    """A body that is not what its headers declare is refused and changes nothing."""
    answer = wire.ask(gateway, "PUT", target, dict([declared]), body)
    assert answer.failure == (400, code)
    assert _is_untouched(direct, target)


@_WAYS
def test_wrong_payload_hash_is_refused(
    gateway: S3Server, direct: Any, target: str, body: bytes
) -> None:
    """A body other than the signed one is refused and changes nothing."""
    digest = hashlib.sha256(b"another body").hexdigest()
    headers = wire.signed(gateway, "PUT", target, payload_hash=digest)
    answer = wire.send(gateway, "PUT", target, headers, body)
    assert answer.failure == (400, "XAmzContentSHA256Mismatch")
    assert _is_untouched(direct, target)


@_WAYS
@pytest.mark.parametrize("frames", Frames)
def test_wrong_checksum_of_frames_is_refused(
    gateway: S3Server, direct: Any, target: str, body: bytes, frames: Frames
) -> None:
    """A wrong checksum before or behind a framed body is refused and changes nothing."""
    headers, framed = frames.upload(gateway, target, body, crc32=_base64(b"abcd"))
    answer = wire.send(gateway, "PUT", target, headers, framed)
    assert answer.failure == (400, "BadDigest")
    assert _is_untouched(direct, target)


@_WAYS
@pytest.mark.parametrize("frames", [Frames.SIGNED, Frames.SIGNED_TRAILER])
def test_changed_chunks_are_refused(
    gateway: S3Server, direct: Any, target: str, body: bytes, frames: Frames
) -> None:
    """One changed byte of a signed chunk is refused and changes nothing."""
    headers, framed = frames.upload(gateway, target, body)
    at = framed.index(body[-3:]) + 1
    framed = framed[:at] + bytes([framed[at] ^ 1]) + framed[at + 1 :]
    answer = wire.send(gateway, "PUT", target, headers, framed)
    assert answer.failure == (403, "SignatureDoesNotMatch")
    assert _is_untouched(direct, target)


@_WAYS
@pytest.mark.parametrize("frames", Frames)
def test_missing_frames_are_refused(
    gateway: S3Server, direct: Any, target: str, body: bytes, frames: Frames
) -> None:
    """A framed body that stops after its first chunks is refused and changes nothing."""
    headers, framed = frames.upload(gateway, target, body)
    answer = wire.send(gateway, "PUT", target, headers, framed[: len(framed) // 2])
    assert answer.failure == (400, "IncompleteBody")
    assert _is_untouched(direct, target)


@_WAYS
def test_clients_that_go_away_leave_nothing(
    gateway: S3Server, process: GatewayProcess, direct: Any, target: str, body: bytes
) -> None:
    """A client that disconnects in the middle of an upload changes nothing."""
    digest = hashlib.sha256(body).hexdigest()
    headers = wire.signed(gateway, "PUT", target, payload_hash=digest)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"PUT {target} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    host, port = gateway.host.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        own_port = client.getsockname()[1]
        client.sendall(head.encode() + body[: len(body) // 2])
        wait_until(lambda: own_port in _peers(process), "the gateway's accepting")
    wait_until(lambda: own_port not in _peers(process), "the gateway's noticing")
    assert _is_untouched(direct, target)


def _peers(process: GatewayProcess) -> set[int]:
    connections = psutil.Process(process.process.pid).net_connections("tcp")
    return {
        connection.raddr.port
        for connection in connections
        if connection.status == psutil.CONN_ESTABLISHED
    }


@pytest.mark.parametrize("length", ["-1", "9" * 30, "1.5", "x"])
def test_odd_lengths_are_refused(gateway: S3Server, plain: str, length: str) -> None:
    """A Content-Length that is no sensible number is refused at once."""
    path = f"/{plain}/k"
    headers = {**wire.signed(gateway, "PUT", path), "Content-Length": length}
    assert wire.send(gateway, "PUT", path, headers).status == 400


@pytest.mark.parametrize("length", ["-1", "9" * 5000, "0" * 5000, "\u0661", ""])
def test_odd_decoded_lengths_are_refused(gateway: S3Server, plain: str, length: str) -> None:
    """An x-amz-decoded-content-length that is no sensible number is refused at once."""
    headers = {
        "Host": gateway.host,
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": length.encode().decode("latin-1"),
    }
    answer = wire.send(gateway, "PUT", f"/{plain}/k", headers, b"0\r\n\r\n")
    assert answer.failure == (400, "InvalidArgument")


def test_a_body_of_unknown_length_is_refused(gateway: S3Server, plain: str) -> None:
    """A plain chunked body announces no length, which S3 does not take."""
    path = f"/{plain}/k"
    headers = {**wire.signed(gateway, "PUT", path), "Transfer-Encoding": "chunked"}
    answer = wire.send(gateway, "PUT", path, headers, [b"1\r\nx\r\n0\r\n\r\n"])
    assert answer.failure == (411, "MissingContentLength")
