import io
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image

from slimgate.codec.measures.ssimulacra2 import Reference
from tests.conftest import Start
from tests.e2e import images
from tests.e2e.memory_watch import repeated
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server

pytestmark = pytest.mark.memory

_VARIABLE: Final = "SLIMGATE_HOSTILE"
_BESIDE: Final = Path(__file__).parents[2] / "../shared/data/hostile"
_AT_ONCE: Final = 8
_MAX_RSS: Final = 3 << 29  # 1.5 GiB
_SAMPLE_S: Final = 0.1
_COMPARING: Final = threading.Lock()


@dataclass
class Peak:
    """The most memory seen, resident bytes."""

    own: int = 0
    tree: int = 0


@contextmanager
def _watched(process: GatewayProcess) -> Iterator[Peak]:
    """Sample the memory of a gateway, and of it with its workers, while the block runs."""
    peak = Peak()

    def sample() -> None:
        own, tree = process.rss()
        peak.own, peak.tree = max(peak.own, own), max(peak.tree, tree)

    with repeated(sample, _SAMPLE_S):
        yield peak


def _pixels(file: bytes) -> images.Pixels:
    image = images.opened(file)
    if image.mode == "P":  # its numbers are no colours
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return np.asarray(image)


def _round_trip(s3: Any, bucket: str, key: str, body: bytes) -> str:
    """Put and get one file; return faults of the result, or nothing."""
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    got = s3.get_object(Bucket=bucket, Key=key)
    served = got["Body"].read()
    if "x-slimgate-tier" not in got["ResponseMetadata"]["HTTPHeaders"]:
        return "" if served == body else f"{key}: other bytes"
    if served == body:
        return ""
    if len(served) != len(body):
        return f"{key}: other size"
    # Some have 200 megapixels, which our own code scores in strips.
    with _COMPARING, warnings.catch_warnings():
        # Pillow has something to say about many of these files.
        warnings.simplefilter("ignore")
        before, after = map(_pixels, (body, served))
        score = Reference(before).compare(after).whole
    return "" if score >= images.FLOOR_SCORE else f"{key}: SSIMULACRA2 {score:.2f}"


def _survives(moto: S3Server, bucket: str, start: Start, files: Mapping[str, bytes]) -> int:
    """Send files through a gateway, several at a time; return how many became renditions."""
    process = start(configuration(moto))
    gateway = moto.at(process.endpoint)
    # Several bombs of 100 megapixels keep all workers busy: clients are asked to come again.
    client = s3_client(
        gateway,
        max_pool_connections=_AT_ONCE,
        read_timeout=120,
        retries={"total_max_attempts": 12, "mode": "standard"},
    )
    with client as s3, _watched(process) as peak:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            problems = threads.map(
                lambda key: _round_trip(s3, bucket, key, files[key]), sorted(files)
            )
        assert [problem for problem in problems if problem] == []
        assert process.events("unexpected error") == []
        # Still the same process, and still at work.
        assert process.process.poll() is None
        assert _round_trip(s3, bucket, "after", images.jpeg()) == ""
    print(f"peak RSS: gateway {peak.own >> 20} MiB, with workers {peak.tree >> 20} MiB")  # noqa: T201  # shown by -s and on failure
    assert 0 < peak.own < _MAX_RSS
    return len(process.events("optimized")) - 1


def _files_beside() -> dict[str, bytes]:
    folder = Path(os.environ.get(_VARIABLE) or _BESIDE)
    if not folder.is_dir():
        pytest.skip(f"no folder of odd and hostile images: set {_VARIABLE}")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_folder_of_hostile_files(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """Odd, broken and malicious files come back whole or above the floor, and harm nothing."""
    files = _files_beside()
    managed = _survives(moto, moto_bucket, start, files)
    print(f"{managed} of {len(files)} files were stored small")  # noqa: T201  # as above


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png(width: int, height: int, data: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _animation() -> bytes:
    file, frames = io.BytesIO(), [images.photo(), images.photo().rotate(90)]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    return file.getvalue()


def _cmyk() -> bytes:
    file = io.BytesIO()
    images.photo().convert("CMYK").save(file, "JPEG")
    return file.getvalue()


def _lying_jpeg() -> bytes:
    """Return a JPEG file whose frame header claims 65,535 pixels in each direction."""
    file = images.jpeg()
    at = file.index(b"\xff\xc0") + 5
    return file[:at] + b"\xff\xff\xff\xff" + file[at + 4 :]


def _made() -> dict[str, bytes]:
    jpeg, (png, webp) = images.jpeg(), _png_and_webp()
    zeros = zlib.compress(bytes(1 << 24), 9)
    return {
        **{f"truncated-{at}.jpg": jpeg[:at] for at in (2, 20, 600, len(jpeg) // 2, len(jpeg) - 2)},
        **{f"truncated-{at}.png": png[:at] for at in (8, 33, len(png) // 2, len(png) - 12)},
        **{f"truncated-{at}.webp": webp[:at] for at in (12, 40, len(webp) // 2)},
        "lying.jpg": _lying_jpeg(),
        "lying.webp": webp[:4] + b"\xff\xff\xff\x7f" + webp[8:],
        "bomb.png": _png(60_000, 60_000, zeros),
        "bomb-in-bounds.png": _png(9_000, 9_000, zlib.compress(bytes(9_000 * 27_001), 9)),
        "short-data.png": _png(4_000, 4_000, zeros[:2_000]),
        "endless.jpg": jpeg[:2] + b"\xff\xe1\xff\xff" + bytes(0xFFFD),
        "two-in-one.jpg": jpeg + jpeg,
        "tail.png": png + b"<?php evil(); ?>",
        "animation.webp": _animation(),
        "cmyk.jpg": _cmyk(),
        "markers.jpg": b"\xff\xd8" + b"\xff\xfe\x00\x02" * 100_000 + b"\xff\xd9",
        "fill.jpg": b"\xff\xd8" + b"\xff" * 1_000_000,
        "chunks.png": png[:33] + _chunk(b"tEXt", b"") * 50_000 + png[33:],
        "one-pixel.png": _one_pixel(),
    }  # fmt: skip


def _png_and_webp() -> tuple[bytes, bytes]:
    found = {sample.name: sample.bytes for sample in images.samples()}
    return found["rgb.png"], found["rgb.webp"]


def _one_pixel() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "PNG")
    return file.getvalue()


def test_hostile_files_made_here(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """Truncated files, lying headers and bombs come back byte for byte, and harm nothing."""
    _survives(moto, moto_bucket, start, _made())
