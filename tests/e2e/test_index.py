"""The index of listings: shared, filled by the command, and kept across restarts."""

from pathlib import Path
from typing import Any

from tests.e2e import images
from tests.e2e.operators import counted, counts
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server
from tests.servers.tool import Tool

_FILE = images.jpeg(200, 120)


def _config(moto: S3Server, path: Path) -> dict[str, Any]:
    index = {"kind": "sqlite", "path": str(path)}
    admin = {"listen": "127.0.0.1:0"}
    return {**configuration(moto, index=index, admin=admin), "engine": {"workers": 1}}


def _listed(moto: S3Server, process: GatewayProcess, bucket: str) -> tuple[list[int], float]:
    """Return the sizes in a listing, and for how many objects the store was asked."""
    with s3_client(moto.at(process.endpoint)) as client:
        sizes = [entry["Size"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]]
    return sizes, counted(counts(process), "listed_objects_total", result="miss")


def test_gateways_list_what_the_index_knows(
    moto: S3Server, moto_bucket: str, tmp_path: Path
) -> None:
    """What a gateway stored is known after its restart; the command tells another gateway."""
    own, other = tmp_path / "own.sqlite", tmp_path / "other.sqlite"
    sizes = [len(_FILE), 4]
    with GatewayProcess(_config(moto, own), tmp_path) as process:
        with s3_client(moto.at(process.endpoint)) as client:
            client.put_object(Bucket=moto_bucket, Key="a.jpg", Body=_FILE)
            client.put_object(Bucket=moto_bucket, Key="b.txt", Body=b"text")
        assert _listed(moto, process, moto_bucket) == (sizes, 0)
    with GatewayProcess(_config(moto, own), tmp_path) as process:
        assert _listed(moto, process, moto_bucket) == (sizes, 0)
    tool = Tool(_config(moto, other), tmp_path)
    for told in (["1  managed", "1  plain"], ["2  known already"]):
        done = tool.run("index", f"s3://{moto_bucket}")
        assert (done.returncode, done.stderr) == (0, "")
        assert [line.strip() for line in done.stdout.splitlines()] == [*told, f"file: {other}"]
    with GatewayProcess(_config(moto, other), tmp_path) as process:
        assert _listed(moto, process, moto_bucket) == (sizes, 0)


def test_a_job_fills_no_memory(moto: S3Server, moto_bucket: str, tmp_path: Path) -> None:
    """An index that ends with the run is refused before a shard counts as done."""
    tool = Tool({**configuration(moto), "engine": {"workers": 1}}, tmp_path)
    job = tool.plan(f"s3://{moto_bucket}")
    done = tool.run("job", "run", job, "--do", "index")
    assert (done.returncode, "set index.kind" in done.stderr) == (2, True)


def test_the_command_says_what_it_cannot_do(moto: S3Server, tmp_path: Path) -> None:
    """Neither memory nor an unusable file can be filled; a bucket without a policy needs none."""
    tool = Tool(configuration(moto), tmp_path)
    assert tool.run("index", "s3://photos").returncode == 2
    tool = Tool(_config(moto, tmp_path), tmp_path)
    done = tool.run("index", "s3://photos")
    assert (done.returncode, "set index.path" in done.stderr) == (2, True)
    tool = Tool(_config(moto, tmp_path / "index"), tmp_path)
    done = tool.run("index", "s3://another")
    assert (done.returncode, "no policy names the bucket another" in done.stderr) == (2, True)
