"""Memory stays within the sum that ``slimgate check`` prints, whatever the load."""

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, product
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from slimgate.config import Settings
from slimgate.gateway.workers.capacity import memory_needed
from tests.conftest import Start
from tests.e2e import images
from tests.e2e.memory_watch import Peak, watched
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server

pytestmark = pytest.mark.memory

_MIB: Final = 1 << 20
_LARGE: Final = 16 * _MIB
_PART: Final = 6 * _MIB
_MANY: Final = 8
_IN_PASSING: Final = 96 * _MIB
"""Sockets, parsers and fragmented heap of the process that clients talk to."""

Do = Callable[[str], object]


@dataclass(frozen=True)
class _Scene:
    """A gateway with its promise, and a bucket of images.

    Attributes:
        process: The gateway.
        s3: Client that repeats nothing.
        bucket: Bucket name.
        idle: Memory of the process that clients talk to, before any load.
        settings: The gateway's.
    """

    process: GatewayProcess
    s3: Any
    bucket: str
    idle: int
    settings: Settings

    def excess(self, peak: Peak) -> str:
        """Return what is beyond the promise; empty: nothing."""
        limits, cache = self.settings.limits, self.settings.cache
        own = self.idle + limits.max_buffered_bytes + cache.max_bytes + _IN_PASSING
        found = {"process": (peak.own, own), "tree": (peak.tree, memory_needed(self.settings))}
        return ", ".join(
            f"{name} {size // _MIB} of {most // _MIB} MiB"
            for name, (size, most) in found.items()
            if size > most
        )


@pytest.fixture
def scene(moto: S3Server, moto_bucket: str, start: Start) -> Iterator[_Scene]:
    """Start a gateway with little memory."""
    changes: dict[str, Any] = {
        "limits": {"max_buffered_bytes": 128 * _MIB, "address_share": 1},
        "cache": {"max_bytes": 32 * _MIB},
        "engine": {"workers": 2, "worker_memory": 512 * _MIB, "max_pixels_in_flight": 4_000_000},
    }
    config = configuration(moto, **changes)
    process, idle = start(config), Peak()
    with s3_client(moto.at(process.endpoint), max_pool_connections=16) as s3:
        s3.put_object(Bucket=moto_bucket, Key="warm", Body=images.jpeg())
        idle.see(process)
        yield _Scene(process, s3, moto_bucket, idle.own, Settings.model_validate(config))


def test_many_large_uploads(scene: _Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """Sixteen uploads of 60 MiB at once, each for a worker, take what the settings promise."""
    image = images.jpeg()
    body = image + bytes(60 * _MIB - len(image))

    def put(key: str) -> None:
        scene.s3.put_object(Bucket=scene.bucket, Key=key, Body=body)

    with watched(scene.process) as peak:
        refused = _all(put, [f"large-{number}" for number in range(16)], 16)
    _show(capsys, {"16 uploads of 60 MiB": peak}, scene)
    assert scene.excess(peak) == ""
    assert refused < 16


def test_32_shapes_of_load(scene: _Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight kinds of request, small and large, one and many at once, keep the promise."""
    peaks: dict[str, Peak] = {}
    for size in ("small", "large"):
        kinds = _kinds(scene, size)
        for (kind, do), clients in product(kinds.items(), (1, _MANY)):
            name = f"{clients} x {size} {kind}"
            keys = [f"{size}-{kind}-{clients}-{number}" for number in range(clients)]
            with watched(scene.process) as peaks[name]:
                refused = _all(do, keys, clients)
            assert refused < clients, name
    _show(capsys, peaks, scene)
    assert len(peaks) == 32
    assert {name: scene.excess(peak) for name, peak in peaks.items() if scene.excess(peak)} == {}


def _kinds(scene: _Scene, size: str) -> dict[str, Do]:
    """Return the kinds of request of one size, each of which takes a new key."""
    s3, bucket = scene.s3, scene.bucket
    body = bytes(range(256)) * ((_LARGE if size == "large" else 4096) // 256)
    image = images.jpeg(1200, 900) if size == "large" else images.jpeg()
    s3.put_object(Bucket=bucket, Key=f"{size}-plain", Body=body)
    s3.put_object(Bucket=bucket, Key=f"{size}-image", Body=image)
    copies = iter(_copies(scene, f"{size}-image"))

    def read(key: str, **more: str) -> None:
        s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()

    def copy(key: str) -> None:
        source = {"Bucket": bucket, "Key": f"{size}-plain"}
        s3.copy_object(Bucket=bucket, Key=key, CopySource=source)

    return {
        "PUT": lambda key: s3.put_object(Bucket=bucket, Key=key, Body=body),
        "GET": lambda _: read(f"{size}-plain"),
        "range": lambda _: read(f"{size}-plain", Range=f"bytes=100-{len(body) // 2}"),
        "multipart": lambda key: _in_parts(scene, key, body),
        "copy": copy,
        "image": lambda key: s3.put_object(Bucket=bucket, Key=key, Body=image),
        "cold GET": lambda _: read(next(copies)),
        "hot GET": lambda _: read(f"{size}-image"),
    }


def _copies(scene: _Scene, source: str) -> list[str]:
    """Copy a managed object; the first read of each copy restores it."""
    names = [f"{source}-copy-{number}" for number in range(_MANY + 1)]
    for name in names:
        where = {"Bucket": scene.bucket, "Key": source}
        scene.s3.copy_object(Bucket=scene.bucket, Key=name, CopySource=where)
    return names


def _in_parts(scene: _Scene, key: str, body: bytes) -> None:
    upload = {"Bucket": scene.bucket, "Key": key}
    upload["UploadId"] = scene.s3.create_multipart_upload(**upload)["UploadId"]
    parts = []
    for number, start in zip(count(1), range(0, len(body), _PART)):
        piece = body[start : start + _PART]
        stored = scene.s3.upload_part(PartNumber=number, Body=piece, **upload)
        parts.append({"PartNumber": number, "ETag": stored["ETag"]})
    scene.s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)


def _all(do: Do, keys: list[str], clients: int) -> int:
    """Send requests at once; return how many were refused for lack of memory or workers."""

    def refused(key: str) -> bool:
        try:
            do(key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "SlowDown":
                raise
            return True
        return False

    with ThreadPoolExecutor(clients) as threads:
        return sum(threads.map(refused, keys))


def _show(capsys: pytest.CaptureFixture[str], peaks: Mapping[str, Peak], scene: _Scene) -> None:
    promised = memory_needed(scene.settings) // _MIB
    with capsys.disabled():
        sys.stdout.write(f"\nMiB of the process and of all; idle {scene.idle // _MIB}, ")
        sys.stdout.write(f"promised {promised}\n")
        for name, peak in peaks.items():
            sys.stdout.write(f"{name:24}{peak.own // _MIB:6}{peak.tree // _MIB:6}\n")
