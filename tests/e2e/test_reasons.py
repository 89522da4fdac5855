"""Every upload under a policy that stays as it came is counted, with the reason why."""

import base64
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

import pytest
from PIL import Image
from urllib3 import encode_multipart_formdata

from tests.e2e import images, wire
from tests.e2e.operators import counted, counts
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server, wait_until

_JPEG: Final = images.jpeg()
_NOISE: Final = images.noise(96)
_LARGE: Final = images.noise(400)
"""More bytes than the last piece of a body, which is held back and not counted."""

_BUCKETS: Final = ("photos-why", "tight-why", "escrow-why", "long-why", "lossy-why")
_LOCKABLE: Final = ("photos-why-lockable", "photos-why-locking")
_MOST: Final = 2_000_000
"""Bytes of uploads that the gateway holds."""

_PATIENCE_S: Final = 20.0
_CUSTOMER_KEY: Final = base64.b64encode(bytes(32)).decode()


class _Running(NamedTuple):
    """A gateway with policies of all kinds, and clients of it."""

    process: GatewayProcess
    server: S3Server
    s3: Any


def _policy(name: str, **changes: object) -> dict[str, object]:
    defaults = {
        "mode": "optimize",
        "effort": "fast",
        "limits": {"max_bytes": _MOST},
        "anonymous": True,
    }
    return {"name": name, "bucket": f"{name}*", **defaults, **changes}


def _configured(moto: S3Server) -> dict[str, Any]:
    originals = {"keep": "originals-why", "prefix": f"{'x' * 500}/"}
    return configuration(
        moto,
        admin={"listen": "127.0.0.1:0"},
        limits={"max_buffered_bytes": _MOST, "address_share": 1},
        policies=[
            _policy("photos"),
            _policy("tight", limits={"max_bytes": 20_000, "max_pixels": 5_000}),
            _policy("escrow", originals={"keep": "no-such-bucket"}),
            _policy("long", originals=originals),
            _policy("lossy", tiers=["recode"], floor={"psnr_db": 60}),
        ],
    )


@pytest.fixture(scope="module")
def running(moto: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Running]:
    """Run the gateway, with its buckets."""
    with ExitStack() as stack:
        direct = stack.enter_context(s3_client(moto))
        for name in (*_BUCKETS, "originals-why"):
            direct.create_bucket(Bucket=name)
        for name in _LOCKABLE:
            direct.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
        direct.put_object_lock_configuration(
            Bucket=_LOCKABLE[1],
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
        )
        folder = tmp_path_factory.mktemp("reasons")
        process = stack.enter_context(GatewayProcess(_configured(moto), folder))
        server = moto.at(process.endpoint)
        yield _Running(process, server, stack.enter_context(s3_client(server)))


_Upload = Callable[[_Running], object]


def _put(body: bytes = _JPEG, key: str = "k", bucket: str = "photos-why", **said: Any) -> _Upload:
    return lambda running: running.s3.put_object(Bucket=bucket, Key=key, Body=body, **said)


def _sent(query: str = "", **said: str) -> _Upload:
    """Upload with headers and a query that clients of S3 do not know."""
    named = {name.replace("_", "-"): value for name, value in said.items()}
    path = f"/photos-why/sent{query}"
    return lambda running: wire.ask(running.server, "PUT", path, named, _JPEG)


def _by_form(*more: tuple[str, str], signed: bool = True) -> _Upload:
    """Upload as a browser does, with more fields."""

    def upload(running: _Running) -> None:
        post = running.s3.generate_presigned_post("photos-why", "form.jpg")
        own = post["fields"] if signed else {"key": "form.jpg"}
        fields = [*own.items(), *more, ("file", ("k.jpg", _JPEG, "image/jpeg"))]
        body, content_type = encode_multipart_formdata(fields)
        headers = {"Host": running.server.host, "Content-Type": content_type}
        assert wire.send(running.server, "POST", "/photos-why", headers, body).status == 204

    return upload


def _by_copy(**said: Any) -> _Upload:
    """Copy from where no policy is in force."""

    def upload(running: _Running) -> object:
        source = {"Bucket": "originals-why", "Key": "k"}
        running.s3.put_object(**source, Body=_JPEG, **said)
        return running.s3.copy_object(Bucket="photos-why", Key="copy", CopySource=source)

    return upload


def _unsigned(running: _Running) -> object:
    headers = {"Host": running.server.host}
    return wire.send(running.server, "PUT", "/photos-why/unsigned", headers, _JPEG)


def _in_parts(body: bytes = _JPEG, **said: Any) -> _Upload:
    def upload(running: _Running) -> object:
        target = {"Bucket": "photos-why", "Key": "parts"}
        created = running.s3.create_multipart_upload(**target, **said)
        named = {**target, "UploadId": created["UploadId"]}
        part = running.s3.upload_part(**named, PartNumber=1, Body=body)
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        return running.s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})

    return upload


def _beside_another(upload: _Upload) -> _Upload:
    """Upload while a slower upload takes most of what the gateway holds."""

    def both(running: _Running) -> object:
        length, path = _MOST - 1000, "/photos-why/slow"
        done = threading.Event()

        def pieces() -> Iterator[bytes]:
            yield _JPEG + bytes(length - len(_JPEG) - 1)
            done.wait(_PATIENCE_S)
            yield bytes(1)

        headers = wire.signed(running.server, "PUT", path, {"Content-Length": str(length)})
        with ThreadPoolExecutor(1) as thread:
            slow = thread.submit(wire.send, running.server, "PUT", path, headers, pieces())
            try:
                _wait_until_held(running.process, _MOST - len(_LARGE) + 1)
                return upload(running)
            finally:
                done.set()
                assert slow.result(_PATIENCE_S).status == 200

    return both


def _wait_until_held(process: GatewayProcess, size: int) -> None:
    wait_until(lambda: counted(counts(process), "buffered_bytes") >= size, "the slow upload")


def _image(width: int, height: int, mode: str = "RGB") -> bytes:
    return images.saved(Image.new(mode, (width, height)), "PNG")


def _undecodable() -> bytes:
    """Make a PNG file whose chunks are sound and whose pixels are missing."""
    data = images.saved(images.photo(), "PNG")
    at = data.index(b"IDAT")
    length = int.from_bytes(data[at - 4 : at])
    payload = b"IDAT" + bytes(length)
    checksum = zlib.crc32(payload).to_bytes(4)
    return data[:at] + payload + checksum + data[at + 8 + length :]


_CASES: Final[dict[str, tuple[_Upload, str]]] = {
    "text": (_put(b"no image"), "type"),
    "heic": (_put(b"\0\0\0\x18ftypheic" + bytes(200)), "kind of image"),
    "dicom": (_put(bytes(128) + b"DICM" + bytes(200)), "kind of image"),
    "heic in parts": (_in_parts(b"\0\0\0\x18ftypheic" + bytes(200)), "kind of image"),
    "empty": (_put(b""), "size"),
    "many bytes": (_put(_NOISE, bucket="tight-why"), "size"),
    "many pixels": (_put(_image(100, 100), bucket="tight-why"), "pixels"),
    "long side": (_put(_image(66_000, 16)), "side"),
    "tiny": (_put(_image(8, 8)), "small"),
    "small palette": (_put(_image(64, 64, "P")), "floor"),
    "torn": (_put(_JPEG[:500]), "unsupported"),
    "undecodable": (_put(_undecodable()), "damaged"),
    "noise": (_put(_NOISE, bucket="lossy-why"), "floor"),
    "no-transform": (_put(CacheControl="no-transform", bucket="lossy-why"), "byte exact"),
    "many buffered bytes": (_beside_another(_put(_LARGE)), "buffers"),
    "unsigned": (_unsigned, "anonymous"),
    "form with a field of tomorrow": (_by_form(("x-amz-new", "1")), "form"),
    "form of nobody": (_by_form(signed=False), "anonymous"),
    "gzip in a copy": (_by_copy(ContentEncoding="gzip"), "content encoding"),
    "directory": (_put(key="folder/"), "directory"),
    "append": (_sent("?append&position=0"), "query"),
    "odd type": (_put(ContentType="image/jpeg; " + "x" * 100), "content type"),
    "gzip": (_put(ContentEncoding="gzip"), "content encoding"),
    "customer key": (
        _sent(
            x_amz_server_side_encryption_customer_algorithm="AES256",
            x_amz_server_side_encryption_customer_key=_CUSTOMER_KEY,
        ),
        "customer key",
    ),
    "write offset": (_sent(x_amz_write_offset_bytes="0"), "write offset"),
    "legal hold": (_put(bucket=_LOCKABLE[0], ObjectLockLegalHoldStatus="ON"), "object lock"),
    "locking bucket": (_put(bucket=_LOCKABLE[1]), "locked"),
    "much metadata": (_put(Metadata={"a": "x" * 1900}), "metadata"),
    "no escrow": (_put(bucket="escrow-why"), "escrow"),
    "long key": (_put(bucket="long-why", key="k" * 600), "key length"),
    "text in parts": (_in_parts(b"no image"), "type"),
    "gzip in parts": (_in_parts(ContentEncoding="gzip"), "content encoding"),
    "many buffered bytes in parts": (_beside_another(_in_parts(_LARGE)), "buffers"),
}


def _plain(process: GatewayProcess) -> dict[str, float]:
    """Count what stayed as it came, by reason."""
    found: dict[str, float] = {}
    for (name, labels), count in counts(process).items():
        if name == "slimgate_plain_total":
            reason = dict(labels)["reason"]
            found[reason] = found.get(reason, 0) + count
    return found


@pytest.mark.parametrize(("upload", "reason"), _CASES.values(), ids=_CASES.keys())
def test_each_upload_that_stays_has_its_reason(
    running: _Running, upload: _Upload, reason: str
) -> None:
    """Exactly one upload is counted, under its own reason."""
    before = _plain(running.process)
    upload(running)
    after = _plain(running.process)
    changed = {name: after[name] - before.get(name, 0) for name in after}
    assert {name: count for name, count in changed.items() if count} == {reason: 1}


def test_log_and_counts_agree(running: _Running) -> None:
    """A line of the log has the label of the metric beside the text for people."""
    _put(key="logged", ContentEncoding="gzip")(running)
    line = running.process.wait_for("stored as uploaded", key="logged")
    assert (line["label"], line["reason"]) == ("content encoding", "has a content encoding")


def test_an_unsigned_upload_that_the_store_refuses_is_not_counted(running: _Running) -> None:
    """Unknown clients leave traces only where the store takes what they send."""
    before = _plain(running.process)
    headers = {"Host": running.server.host}
    answer = wire.send(running.server, "PUT", "/photos-why-none/k", headers, _JPEG)
    assert answer.status == 404
    assert _plain(running.process) == before
