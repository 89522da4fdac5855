"""The way back without a gateway: from a bucket, and from files with their metadata."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slimgate.codec.golden import objects
from tests.conftest import Start
from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration, environment
from tests.servers.server import S3Server

_UPLOADS = {
    "in/": b"",
    "in/a/photo.jpg": images.jpeg(),
    "in/photo.jpg": images.jpeg(440, 400),
    "in/photo.jpg.txt": b"some text",
    "in/folder/": b"",
    "in/full/": b"some text in a folder",
    "in/../../up.jpg": images.jpeg(),
    "other.jpg": b"not below the prefix",
}
_RESTORED = {"a/photo.jpg", "photo.jpg"}


def _words(*words: str) -> list[str]:
    return [sys.executable, "-m", "slimgate", "restore", *words]


def _environment(store: S3Server) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": store.main.access, "AWS_SECRET_ACCESS_KEY": store.main.secret}
    return {**environment(), **keys, "AWS_DEFAULT_REGION": "us-east-1"}


def _restore(store: S3Server, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        _words(*words),
        env=_environment(store),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def stored(moto: S3Server, shared: Start) -> Iterator[tuple[S3Server, str, dict[str, bytes]]]:
    """Return the gateway, a bucket with images that it stored, and what it serves."""
    bucket = "photos-to-restore"
    config = {**configuration(moto), "engine": {"workers": 1}}
    gateway = moto.at(shared(config).endpoint)
    with s3_client(moto) as direct, s3_client(gateway) as s3:
        direct.create_bucket(Bucket=bucket)
        for key, body in _UPLOADS.items():
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        served = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in _UPLOADS}
        for name in _RESTORED:
            small = direct.head_object(Bucket=bucket, Key=f"in/{name}")
            assert small["ContentLength"] < len(served[f"in/{name}"])
        yield gateway, bucket, served


def test_a_bucket_is_restored(
    moto: S3Server, stored: tuple[S3Server, str, dict[str, bytes]], tmp_path: Path
) -> None:
    """Files are as the gateway serves them, plain ones too; a hostile key leads nowhere."""
    _, bucket, served = stored
    out = tmp_path / "below" / "out"
    where = ("--endpoint-url", moto.endpoint)
    done = _restore(moto, f"s3://{bucket}/in/", "--out", str(out), "--all", *where)
    assert done.returncode == 1
    for key in ("../../up.jpg", "full/"):
        assert f"{key}: no file can have this name" in done.stderr
    found = {str(path.relative_to(out)): path for path in out.rglob("*") if path.is_file()}
    assert set(found) == _RESTORED | {"photo.jpg.txt"}
    for name, path in found.items():
        assert path.read_bytes() == served[f"in/{name}"]
    assert [path for path in tmp_path.rglob("*.jpg") if out not in path.parents] == []


def test_a_gateway_is_no_store(
    moto: S3Server, stored: tuple[S3Server, str, dict[str, bytes]], tmp_path: Path
) -> None:
    """What a gateway has restored already is not taken for a plain file."""
    gateway, bucket, _ = stored
    words = ("--all", "--out", str(tmp_path), "--endpoint-url", gateway.endpoint)
    done = _restore(moto, f"s3://{bucket}/in/photo.jpg", *words)
    assert done.returncode == 1
    assert "name the store by --endpoint-url" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_copied_files_are_restored(
    moto: S3Server, stored: tuple[S3Server, str, dict[str, bytes]], tmp_path: Path
) -> None:
    """Metadata as aws-cli prints it lies beside the files, plain ones too."""
    _, bucket, served = stored
    copied, out = tmp_path / "copied", tmp_path / "out"
    _copy(moto, bucket, copied)
    done = _restore(moto, str(copied), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert {str(path.relative_to(out)) for path in out.rglob("*.*")} == _RESTORED
    for name in _RESTORED:
        assert (out / name).read_bytes() == served[f"in/{name}"]


def _copy(store: S3Server, bucket: str, folder: Path) -> None:
    with s3_client(store) as direct:
        for name in (*_RESTORED, "photo.jpg.txt"):
            got = direct.get_object(Bucket=bucket, Key=f"in/{name}")
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(got.pop("Body").read())
            described = json.dumps(got, default=str, indent=4)
            path.with_name(f"{path.name}.json").write_text(described)


def test_a_copy_of_nothing_is_noticed(moto: S3Server, tmp_path: Path) -> None:
    """A folder without any manifest ends with 1, and the way to copy metadata."""
    (tmp_path / "photo.bin").write_bytes(b"x")
    done = _restore(moto, str(tmp_path), "--verify")
    assert (done.returncode, "rclone copy --metadata" in done.stderr) == (1, True), done.stderr


def test_it_stops_when_told(tmp_path: Path) -> None:
    """SIGTERM ends it with 1, without a half-written or temporary file; repeating goes on."""
    golden: Any = next(each for each in objects() if each.name == "recode-jpeg-jxl.jxl")
    folder, out = tmp_path / "folder", tmp_path / "out"
    folder.mkdir()
    for number in range(3000):
        (folder / f"{number}.jpg").write_bytes(golden.rendition)
        (folder / f"{number}.jpg.json").write_text(golden.manifest.dumps())
    command = _words(str(folder), "--out", str(out), "--jobs", "1")
    with (
        (tmp_path / "said").open("w+b") as said,
        subprocess.Popen(command, stderr=said, env=environment()) as process,
    ):
        for _ in range(1200):
            if list(out.glob("*.jpg")):
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 1
        said.seek(0)
        lines = said.read()
    assert (b"stopped" in lines, b"Traceback" in lines) == (True, False)
    left = list(out.iterdir())
    assert 0 < len(left) < 3000
    assert {path.stat().st_size for path in left} == {golden.manifest.size}
