"""Tools on a bucket: optimize, verify and drain, on objects that others write to meanwhile."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.proxy import proxied
from tests.servers.server import S3Server, wait_until
from tests.servers.tool import Tool, verdicts

_FILES = {f"a/{index} %.jpg": images.jpeg(160 + 16 * index, 128) for index in range(3)}
_SAID = {
    "Metadata": {"who": "me"}, "CacheControl": "max-age=60", "ContentDisposition": "inline",
    "ContentType": "image/jpeg",
}  # fmt: skip


@pytest.fixture
def moto_tool(moto: S3Server, tmp_path: Path) -> Tool:
    """Return the tools for moto: for what says nothing about the store."""
    return Tool({**configuration(moto), "engine": {"workers": 1}}, tmp_path)


@pytest.fixture
def tool(upstream: S3Server, tmp_path: Path) -> Tool:
    """Return the tools for the upstream, one worker each."""
    return Tool({**configuration(upstream), "engine": {"workers": 1}}, tmp_path)


def _fill(direct: Any, bucket: str) -> None:
    for key, body in _FILES.items():
        direct.put_object(
            Bucket=bucket, Key=key, Body=body, Tagging="colour=red", ACL="public-read", **_SAID
        )
    direct.put_object(Bucket=bucket, Key="a/text.jpg", Body=b"no image at all")
    direct.put_object(Bucket=bucket, Key="other.jpg", Body=images.jpeg())


def _bodies(client: Any, bucket: str, keys: list[str]) -> list[bytes]:
    return [client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]


def _said(client: Any, bucket: str, key: str) -> tuple[dict[str, Any], Any, list[Any]]:
    head = client.head_object(Bucket=bucket, Key=key)
    tags = client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    grants = client.get_object_acl(Bucket=bucket, Key=key)["Grants"]
    public = [g["Permission"] for g in grants if g["Grantee"]["Type"] == "Group"]
    return {name: head[name] for name in _SAID}, tags, public


def test_there_and_back(tool: Tool, s3: Any, direct: Any, photos: str) -> None:
    """What lay plain under the prefix becomes small, verifies, and becomes plain again."""
    _fill(direct, photos)
    log, place = tool.directory / "log", f"s3://{photos}/a/"
    done = tool.run("optimize", place, "--log", str(log))
    assert (done.returncode, done.stdout.splitlines()[1][:10]) == (0, "made small"), done.stderr
    small = dict.fromkeys(_FILES, "made small")
    assert verdicts(log) == {**small, "a/text.jpg": "stays"}
    served = _bodies(s3, photos, list(_FILES))
    for (key, body), restored in zip(_FILES.items(), served, strict=True):
        assert len(body) == len(restored)
        assert images.score(body, restored) >= images.FLOOR_SCORE
        assert direct.head_object(Bucket=photos, Key=key)["ContentType"] == "image/avif"
        red = [{"Key": "colour", "Value": "red"}]
        assert _said(s3, photos, key) == (_SAID, red, ["READ"])
    assert _bodies(direct, photos, ["other.jpg"])[0] == images.jpeg()
    verified = tool.run("verify", place, "--log", str(tool.directory / "verified"))
    assert (verified.returncode, verified.stdout.count("restores") * 3) == (0, 3), verified.stdout
    drained = tool.run("drain", place, "--log", str(tool.directory / "drained"))
    assert drained.returncode == 0, drained.stderr
    assert served == _bodies(direct, photos, list(_FILES)) == _bodies(s3, photos, list(_FILES))
    assert _said(direct, photos, next(iter(_FILES))) == (_SAID, red, ["READ"])


def test_a_dry_run_writes_nothing(moto: S3Server, moto_bucket: str, moto_tool: Tool) -> None:
    """A dry run says what would become small, and the bucket is as it was."""
    log, words = moto_tool.directory / "log", ("--dry-run", "--limit", "2")
    with s3_client(moto) as direct:
        _fill(direct, moto_bucket)
        before = direct.list_objects_v2(Bucket=moto_bucket)["Contents"]
        done = moto_tool.run("optimize", f"s3://{moto_bucket}", *words, "--log", str(log))
        assert done.returncode == 0, done.stderr
        assert list(verdicts(log).values()) == ["would be small"] * 2
        assert before == direct.list_objects_v2(Bucket=moto_bucket)["Contents"]


def test_a_run_goes_on_where_it_stopped(moto: S3Server, moto_bucket: str, moto_tool: Tool) -> None:
    """With --resume nothing is done twice, a torn line is no obstacle, and sums are of all."""
    tool, log = moto_tool, moto_tool.directory / "log"
    with s3_client(moto) as direct:
        _fill(direct, moto_bucket)
    words = ("optimize", f"s3://{moto_bucket}", "--log", str(log))
    assert tool.run(*words, "--limit", "2").returncode == 0
    first = verdicts(log)
    with log.open("a") as file:
        file.write('{"event": "obj')
    refused = tool.run(*words)
    assert (refused.returncode, "--resume" in refused.stderr) == (2, True)
    done = tool.run(*words, "--resume")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    keys = [line["key"] for line in lines if line["event"] == "object"]
    assert (len(first), len(keys), len(set(keys))) == (2, 5, 5)
    assert "in all" in done.stdout
    assert " 5  " in done.stdout.splitlines()[-1]


def test_a_terminated_run_ends_in_order(moto: S3Server, moto_bucket: str, moto_tool: Tool) -> None:
    """SIGTERM ends a run with 1, its workers with it, and what was done is in the log."""
    log = moto_tool.directory / "log"
    with s3_client(moto) as direct:
        for index in range(6):
            direct.put_object(Bucket=moto_bucket, Key=f"{index}.jpg", Body=images.jpeg(800, 600))
    running = moto_tool.start("optimize", f"s3://{moto_bucket}", "--log", str(log))
    wait_until(lambda: log.exists() and len(verdicts(log)) > 0, "the first object")
    children = psutil.Process(running.pid).children(recursive=True)
    running.terminate()
    assert running.wait(30) == 1
    assert 0 < len(verdicts(log)) < 6
    assert psutil.wait_procs(children, timeout=10)[1] == []


def _tool_through(
    server: S3Server, directory: Path, edit: Callable[[bytes], bytes], *words: str
) -> "tuple[int, str]":
    with proxied(server, edit=edit) as (_, shown):
        tool = Tool({**configuration(shown), "engine": {"workers": 1}}, directory)
        done = tool.run(*words, "--log", str(directory / "log"))
        return done.returncode, done.stderr


@pytest.mark.parametrize("name", ["optimize", "drain"])
def test_who_writes_meanwhile_wins(
    upstream: S3Server, s3: Any, direct: Any, photos: str, tmp_path: Path, name: str
) -> None:
    """A write by another client right before that of the tool stays in the bucket."""
    for key, body in _FILES.items():
        (direct if name == "optimize" else s3).put_object(Bucket=photos, Key=key, Body=body)

    def edit(piece: bytes) -> bytes:
        if piece.startswith(b"PUT ") and b"a/" in piece.split(b"\r\n")[0]:
            with s3_client(upstream) as other:
                for key in _FILES:
                    other.put_object(Bucket=photos, Key=key, Body=b"theirs")
        return piece

    code, _ = _tool_through(upstream, tmp_path, edit, name, f"s3://{photos}")
    assert code == 0
    assert _bodies(direct, photos, list(_FILES)) == [b"theirs"] * 3
    assert "changed meanwhile" in verdicts(tmp_path / "log").values()


def test_a_store_that_ignores_conditions_is_refused(
    moto: S3Server, moto_bucket: str, tmp_path: Path
) -> None:
    """On a store that does not heed If-Match nothing is written, and the reason is said."""
    with s3_client(moto) as client:
        client.put_object(Bucket=moto_bucket, Key="a/k.jpg", Body=images.jpeg())
        before = client.list_objects_v2(Bucket=moto_bucket)["Contents"]
        ignoring = (tmp_path, lambda piece: piece.replace(b"If-Match:", b"Xx-Match:"))
        code, said = _tool_through(moto, *ignoring, "optimize", f"s3://{moto_bucket}")
        assert (code, "ignores If-Match" in said) == (1, True), said
        assert before == client.list_objects_v2(Bucket=moto_bucket)["Contents"]


@pytest.mark.parametrize(("words", "left"), [((), 2), (("--remove-replaced",), 1)])
def test_replaced_versions_stay_unless_asked(
    moto: S3Server, moto_bucket: str, moto_tool: Tool, words: tuple[str, ...], left: int
) -> None:
    """With versions, the replaced one is removed on demand only, and is counted until then."""
    # Ceph 16 refuses every conditional write into a bucket with versions.
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    with s3_client(moto) as direct:
        direct.put_bucket_versioning(Bucket=moto_bucket, **versioned)
        direct.put_object(Bucket=moto_bucket, Key="k.jpg", Body=images.jpeg())
        log = ("--log", str(moto_tool.directory / "log"))
        done = moto_tool.run("optimize", f"s3://{moto_bucket}", *words, *log)
        assert (done.returncode, int(" -" not in done.stdout)) == (0, 2 - left), done.stdout
        assert len(direct.list_object_versions(Bucket=moto_bucket)["Versions"]) == left


def test_damage_is_found(tool: Tool, s3: Any, direct: Any, photos: str) -> None:
    """Verify ends with 1 when an object does not restore, and says which."""
    for key in ("good.jpg", "bad.jpg"):
        s3.put_object(Bucket=photos, Key=key, Body=images.jpeg())
    head = direct.head_object(Bucket=photos, Key="bad.jpg")
    stored = _bodies(direct, photos, ["bad.jpg"])[0]
    kept = {"Metadata": head["Metadata"], "ContentType": head["ContentType"]}
    direct.put_object(Bucket=photos, Key="bad.jpg", Body=stored[:-50] + bytes(50), **kept)
    log = tool.directory / "log"
    assert tool.run("verify", f"s3://{photos}", "--log", str(log)).returncode == 1
    assert verdicts(log) == {"good.jpg": "restores", "bad.jpg": "failed"}


def test_explain(moto: S3Server, moto_bucket: str, moto_tool: Tool) -> None:
    """A file gets the list of trials with the winner, a managed object its manifest."""
    tool = moto_tool
    file = tool.directory / "x.jpg"
    file.write_bytes(images.jpeg())
    done = tool.run("explain", str(file), "--policy", "photos")
    assert done.returncode == 0, done.stderr
    first, second, *_ = done.stdout.splitlines()
    assert first == f"JPEG, 192x160, {len(images.jpeg()):,} bytes"
    assert second.startswith("policy photos: fidelity standard, floor orb")
    assert sum(line.startswith("won, ") for line in done.stdout.splitlines()) == 1
    unclear = tool.run("explain", str(file))
    assert (unclear.returncode, "photos, shadow" in unclear.stderr) == (1, True)
    with s3_client(moto) as direct:
        direct.put_object(Bucket=moto_bucket, Key="k.jpg", Body=images.jpeg())
    plain = tool.run("explain", f"s3://{moto_bucket}/k.jpg")
    assert done.stdout.splitlines()[-2:] == plain.stdout.splitlines()[-2:], plain.stderr
    log = ("--log", str(tool.directory / "log"))
    assert tool.run("optimize", f"s3://{moto_bucket}", *log).returncode == 0
    managed = tool.run("explain", f"s3://{moto_bucket}/k.jpg")
    told = f"s3://{moto_bucket}/k.jpg is already optimized; pass the original file"
    assert (managed.returncode, told in managed.stderr) == (1, True)
