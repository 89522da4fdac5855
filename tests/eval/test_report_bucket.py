"""A report about a bucket, which it must leave as it is."""

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from bench.testbed import small_photo
from slimgate.eval.compare import rows
from slimgate.eval.corpus import buckets
from slimgate.eval.corpus.buckets import TooLarge, Unreadable
from slimgate.eval.corpus.corpus import BadCorpus
from slimgate.eval.demo.servers import s3_client
from tests.servers.moto import moto_server
from tests.servers.server import S3Server

BUCKET: Final = "many-photos"
OBJECTS: Final = 2000
_REQUEST: Final = re.compile(r'"([A-Z]+) (\S+) HTTP/1\.1" (\d+)')


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the store's log."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def store(log: Path) -> Iterator[S3Server]:
    """Run a store that logs every request."""
    with moto_server(log) as server:
        yield server


@pytest.fixture(scope="module")
def s3(store: S3Server) -> Any:
    """Return a client of a store with 2,000 small images in two classes."""
    client = s3_client(store.endpoint)
    client.create_bucket(Bucket=BUCKET)
    bodies = [small_photo(number) for number in range(8)]
    bodies += [_smaller(body) for body in bodies]

    def put(number: int) -> None:
        key = f"photos/{'big' if number % 16 < 8 else 'small'}/{number:04}.png"
        client.put_object(Bucket=BUCKET, Key=key, Body=bodies[number % 16])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(put, range(OBJECTS)))
    return client


def _smaller(png: bytes) -> bytes:
    file = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.crop((0, 0, 48, 48)).save(file, "PNG")
    return file.getvalue()


def _listing(s3: Any) -> list[tuple[Any, ...]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    entries = [entry for page in pages for entry in page["Contents"]]
    return [tuple(e[name] for name in ("Key", "ETag", "Size", "LastModified")) for e in entries]


@pytest.mark.slow  # a bucket of 2,000 images, as large as what is sampled from
def test_a_bucket_is_only_read(
    s3: Any, store: S3Server, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a sampled run all 2,000 objects are as before, and only lists and gets were asked."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "demo")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "demo-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    before = _listing(s3)
    assert len(before) == OBJECTS
    logged = len((log / "moto.log").read_text())
    place = [f"s3://{BUCKET}/photos/", "--endpoint-url", store.endpoint]
    taken = ["--sample", "6", "--seed", "3", "--effort", "fast", "--out", str(tmp_path / "out")]
    subprocess.run([sys.executable, "-m", "slimgate", "eval", *place, *taken], check=True)
    requests = _REQUEST.findall((log / "moto.log").read_text()[logged:])
    assert before == _listing(s3)
    assert {method for method, _, _ in requests} == {"GET"}
    gets = [path for _, path, _ in requests if "/photos/" in path and "list-type" not in path]
    study = rows.load(tmp_path / "out")
    assert {row.image for row in study.of()} == {path.partition("/photos/")[2] for path in gets}
    assert (
        study.corpus.images,
        study.corpus.taken,
        study.corpus.classes,
    ) == (OBJECTS, 6, {"big": 3, "small": 3})
    assert not any(row.problem for row in study.of())
    assert sum(size for _, _, size, _ in before) == study.corpus.bytes


def test_names_begin_after_the_prefix(s3: Any) -> None:
    """Names are relative to the prefix, and the next folder is the class."""
    found = buckets.read(f"s3://{BUCKET}/photos/sm", s3)
    assert len(found) == OBJECTS // 2
    assert (found[0].name, found[0].kind) == ("small/0008.png", "small")


@pytest.mark.parametrize(
    ("location", "message"),
    [
        (f"s3://{BUCKET}/nothing", "contains no images; check the prefix"),
        ("s3://no-such-bucket/", "cannot be listed: .*check credentials"),
    ],
)
def test_a_bucket_without_images_is_explained(s3: Any, location: str, message: str) -> None:
    """A wrong prefix or bucket is reported with what to check."""
    with pytest.raises(BadCorpus, match=message):
        buckets.read(location, s3)


def test_objects_that_cannot_be_measured_say_why(s3: Any) -> None:
    """Missing, large and managed objects are refused each with its own reason."""
    s3.create_bucket(Bucket="odd")
    s3.put_object(Bucket="odd", Key="managed.jpg", Body=b"avif", Metadata={"slimgate": "{}"})
    s3.put_object(Bucket="odd", Key="large.jpg", Body=bytes(101))
    with pytest.raises(Unreadable, match="NoSuchKey"):
        buckets.get(s3, "odd", "gone.jpg", max_bytes=100)
    with pytest.raises(TooLarge, match="max_bytes"):
        buckets.get(s3, "odd", "large.jpg", max_bytes=100)
    with pytest.raises(Unreadable, match="is a rendition; name the gateway"):
        buckets.get(s3, "odd", "managed.jpg", max_bytes=100)
