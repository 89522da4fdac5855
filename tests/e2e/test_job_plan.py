"""Jobs planned from the command line, and killed on the way."""

from pathlib import Path
from typing import Any

import pytest

from slimgate.gateway.jobs.state.job_file import JobFile
from slimgate.gateway.jobs.state.shards import Row, shard_name, unpack
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.server import S3Server, wait_until
from tests.servers.tool import Tool


@pytest.fixture
def tool(moto: S3Server, tmp_path: Path) -> Tool:
    """Return the tools for moto."""
    return Tool(configuration(moto), tmp_path)


@pytest.fixture
def direct(moto: S3Server) -> Any:
    """Return a client of moto."""
    with s3_client(moto) as client:
        yield client


def _read(direct: Any, name: str) -> bytes:
    return bytes(direct.get_object(Bucket="jobs", Key=name)["Body"].read())


def _rows(direct: Any, job: str) -> list[Row]:
    planned = JobFile.model_validate_json(_read(direct, f"{job}/job.json"))
    shards = range(planned.shards)
    return [row for n in shards for row in unpack(_read(direct, f"{job}/{shard_name(n)}"), n)[1]]


@pytest.mark.crash
def test_a_killed_plan_goes_on(tool: Tool, direct: Any) -> None:
    """After SIGKILL the same command completes the plan: every key once, in order."""
    direct.create_bucket(Bucket="jobs")
    keys = [f"{n:06}.jpg" for n in range(4_000)]
    file = tool.directory / "keys.csv"
    file.write_text("".join(f"photos,{key}\n" for key in keys))
    place, job = "s3://photos", "s3://jobs/killed"
    source = ("--manifest", str(file), "--keys-per-shard", "50")
    words = ("job", "plan", place, "--to", job, *source)

    def shards() -> int:
        listed = direct.list_objects_v2(Bucket="jobs", Prefix="killed/shards/")
        return int(listed["KeyCount"])

    process = tool.start(*words)
    wait_until(lambda: shards() >= 10, "shards")
    process.kill()
    process.wait()
    written = shards()
    done = tool.run(*words)
    assert done.returncode == 0, done.stderr
    assert written < 80 == shards()
    assert [row.key for row in _rows(direct, "killed")] == keys
