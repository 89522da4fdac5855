"""Jobs on a bucket: optimize, verify and drain, on objects that others write to meanwhile."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.proxy import proxied
from tests.servers.server import S3Server, wait_until
from tests.servers.tool import Tool

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
    place = f"s3://{photos}/a/"
    done, verdicts = tool.on_bucket("optimize", place)
    assert (done.returncode, done.stdout.splitlines()[1][:10]) == (0, "made small"), done.stderr
    assert verdicts == {**dict.fromkeys(_FILES, "made small"), "a/text.jpg": "stays"}
    served = _bodies(s3, photos, list(_FILES))
    for (key, body), restored in zip(_FILES.items(), served, strict=True):
        assert len(body) == len(restored)
        assert images.score(body, restored) >= images.FLOOR_SCORE
        assert direct.head_object(Bucket=photos, Key=key)["ContentType"] == "image/avif"
        red = [{"Key": "colour", "Value": "red"}]
        assert _said(s3, photos, key) == (_SAID, red, ["READ"])
    assert _bodies(direct, photos, ["other.jpg"])[0] == images.jpeg()
    verified, verdicts = tool.on_bucket("verify", place)
    assert verified.returncode == 0, verified.stderr
    assert verdicts == {**dict.fromkeys(_FILES, "restores"), "a/text.jpg": "plain"}
    drained, _ = tool.on_bucket("drain", place)
    assert drained.returncode == 0, drained.stderr
    assert served == _bodies(direct, photos, list(_FILES)) == _bodies(s3, photos, list(_FILES))
    assert _said(direct, photos, next(iter(_FILES))) == (_SAID, red, ["READ"])


def test_a_dry_run_writes_nothing(moto: S3Server, moto_bucket: str, moto_tool: Tool) -> None:
    """A dry run says what would become small, and the bucket is as it was."""
    with s3_client(moto) as direct:
        _fill(direct, moto_bucket)
        before = direct.list_objects_v2(Bucket=moto_bucket)["Contents"]
        job = moto_tool.plan(f"s3://{moto_bucket}")
        words = ("job", "run", job, "--do", "optimize", "--dry-run", "--limit", "2")
        done = moto_tool.run(*words)
        assert done.returncode == 0, done.stderr
        assert "would be small              2" in done.stdout
        assert before == direct.list_objects_v2(Bucket=moto_bucket)["Contents"]


def test_a_run_goes_on_where_it_stopped(moto: S3Server, moto_bucket: str, moto_tool: Tool) -> None:
    """Nothing is done twice, sums are of all, and the failed are tried again when asked to."""
    tool = moto_tool
    with s3_client(moto) as direct:
        _fill(direct, moto_bucket)
        job = tool.plan(f"s3://{moto_bucket}", "--keys-per-shard", "2")
        words = ("job", "run", job, "--do", "optimize")
        assert tool.run(*words, "--limit", "2").returncode == 0
        small = _small(direct, moto_bucket)
        done = tool.run(*words)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[3].split()[:3] == ["in", "all", "5"]
        assert len(small) in {1, 2}  # the other one may be the text
        assert small < _small(direct, moto_bucket)
        assert len(_small(direct, moto_bucket)) == 4
    said = json.loads(tool.run("job", "status", job, "--json").stdout)["actions"][0]
    assert (said["shards_done"], said["done"], said["left"]) == (3, 5, 0)
    again = tool.run("job", "retry-failed", job)
    nothing = "no object failed, and no damaged shard is whole again\n"
    assert (again.returncode, again.stdout) == (0, nothing)


def _small(direct: Any, bucket: str) -> set[tuple[str, datetime]]:
    """Return the keys of all renditions, and when they were stored."""
    keys = [each["Key"] for each in direct.list_objects_v2(Bucket=bucket)["Contents"]]
    heads = {key: direct.head_object(Bucket=bucket, Key=key) for key in keys}
    return {
        (key, head["LastModified"]) for key, head in heads.items() if "slimgate" in head["Metadata"]
    }


def test_a_terminated_run_ends_in_order(moto: S3Server, moto_bucket: str, moto_tool: Tool) -> None:
    """SIGTERM finishes what is in flight and ends a run with 1, and its workers with it."""
    with s3_client(moto) as direct:
        for index in range(8):
            direct.put_object(Bucket=moto_bucket, Key=f"{index}.jpg", Body=images.jpeg(800, 600))
        job = moto_tool.plan(f"s3://{moto_bucket}")
        running = moto_tool.start("job", "run", job, "--do", "optimize")
        wait_until(lambda: bool(_small(direct, moto_bucket)), "the first object", timeout_s=60)
        children = psutil.Process(running.pid).children(recursive=True)
        running.terminate()
        assert running.wait(30) == 1
        verdicts = moto_tool.verdicts(job, "optimize")
        assert 0 < len(verdicts) == len(_small(direct, moto_bucket)) < 8
    assert psutil.wait_procs(children, timeout=10)[1] == []


def test_a_changed_policy_is_refused(moto: S3Server, moto_bucket: str, moto_tool: Tool) -> None:
    """A job planned under other policies does not run, unless the change is accepted."""
    with s3_client(moto) as direct:
        direct.put_object(Bucket=moto_bucket, Key="k.jpg", Body=images.jpeg())
    job = moto_tool.plan(f"s3://{moto_bucket}")
    config = configuration(moto)
    config["policies"][0]["min_saving"] = 0.3
    other = Tool({**config, "engine": {"workers": 1}}, moto_tool.directory)
    words = ("job", "run", job, "--do", "optimize")
    refused = other.run(*words)
    assert (refused.returncode, "its policies have changed" in refused.stderr) == (2, True)
    assert other.run(*words, "--accept-changes").returncode == 0


def _tool_through(
    server: S3Server, directory: Path, edit: Callable[[bytes], bytes], *words: str
) -> "tuple[int, str]":
    with proxied(server, edit=edit) as (_, shown):
        (directory / "proxied").mkdir()
        config = {**configuration(shown), "engine": {"workers": 1}}
        done = Tool(config, directory / "proxied").run(*words)
        return done.returncode, done.stderr


@pytest.mark.parametrize("name", ["optimize", "drain"])
def test_who_writes_meanwhile_wins(
    upstream: S3Server, s3: Any, direct: Any, photos: str, tmp_path: Path, name: str
) -> None:
    """A write by another client right before that of the tool stays in the bucket."""
    for key, body in _FILES.items():
        (direct if name == "optimize" else s3).put_object(Bucket=photos, Key=key, Body=body)

    def edit(piece: bytes) -> bytes:
        if piece.startswith(f"PUT /{photos}/a/".encode()):
            with s3_client(upstream) as other:
                for key in _FILES:
                    other.put_object(Bucket=photos, Key=key, Body=b"theirs")
        return piece

    tool = Tool({**configuration(upstream), "engine": {"workers": 1}}, tmp_path)
    job = tool.plan(f"s3://{photos}", "--all-keys")
    code, _ = _tool_through(upstream, tmp_path, edit, "job", "run", job, "--do", name)
    assert code == 0
    assert _bodies(direct, photos, list(_FILES)) == [b"theirs"] * 3
    assert "changed meanwhile" in tool.verdicts(job, name).values()


def test_a_store_that_ignores_conditions_is_refused(
    moto: S3Server, moto_bucket: str, tmp_path: Path
) -> None:
    """On a store that does not heed If-Match nothing is written, and the reason is said."""
    with s3_client(moto) as client:
        client.put_object(Bucket=moto_bucket, Key="a/k.jpg", Body=images.jpeg())
        before = client.list_objects_v2(Bucket=moto_bucket)["Contents"]
        ignoring = (tmp_path, lambda piece: piece.replace(b"If-Match:", b"Xx-Match:"))
        tool = Tool(configuration(moto), tmp_path)
        job = tool.plan(f"s3://{moto_bucket}")
        code, said = _tool_through(moto, *ignoring, "job", "run", job, "--do", "optimize")
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
        done, _ = moto_tool.on_bucket("optimize", f"s3://{moto_bucket}", *words)
        assert (done.returncode, "grown: " in done.stdout) == (0, left == 2), done.stdout
        assert len(direct.list_object_versions(Bucket=moto_bucket)["Versions"]) == left


def test_damage_is_found(tool: Tool, s3: Any, direct: Any, photos: str) -> None:
    """Verify ends with 1 when an object does not restore, and says which."""
    for key in ("good.jpg", "bad.jpg"):
        s3.put_object(Bucket=photos, Key=key, Body=images.jpeg())
    head = direct.head_object(Bucket=photos, Key="bad.jpg")
    stored = _bodies(direct, photos, ["bad.jpg"])[0]
    kept = {"Metadata": head["Metadata"], "ContentType": head["ContentType"]}
    direct.put_object(Bucket=photos, Key="bad.jpg", Body=stored[:-50] + bytes(50), **kept)
    done, verdicts = tool.on_bucket("verify", f"s3://{photos}")
    assert done.returncode == 1
    assert verdicts == {"good.jpg": "restores", "bad.jpg": "failed"}


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
    assert tool.on_bucket("optimize", f"s3://{moto_bucket}")[0].returncode == 0
    managed = tool.run("explain", f"s3://{moto_bucket}/k.jpg")
    told = f"s3://{moto_bucket}/k.jpg is already optimized; pass the original file"
    assert (managed.returncode, told in managed.stderr) == (1, True)
