"""`job plan` as its command line says."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bench import inventories
from bench.inventories import Listed
from slimgate.gateway.jobs.arguments import parser
from slimgate.gateway.jobs.plan.command import plan
from slimgate.gateway.jobs.plan.planner import CannotPlan
from slimgate.gateway.jobs.plan.source import BadSource
from slimgate.gateway.jobs.state.job_file import JobFile
from slimgate.gateway.jobs.state.shards import Row, shard_name, unpack
from tests.servers.clients import s3_client
from tests.servers.gateway import configuration
from tests.servers.server import S3Server

_PHOTOS: Final = "photos-planned"
_KEYS: Final = ["a.jpg", "b/ä +.jpg"]


@pytest.fixture
def direct(moto: S3Server) -> Any:
    """Return a client of moto, with some objects and a bucket for jobs."""
    with s3_client(moto) as client:
        client.create_bucket(Bucket=_PHOTOS)
        client.create_bucket(Bucket="planned-jobs")
        client.put_object(Bucket=_PHOTOS, Key="b/", Body=b"")
        for key in _KEYS:
            client.put_object(Bucket=_PHOTOS, Key=key, Body=b"12")
        yield client


@pytest.fixture
def config(moto: S3Server, tmp_path: Path) -> Path:
    """Return a configuration."""
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump(configuration(moto)))
    return file


async def _plan(config: Path, job: str, *words: str) -> None:
    place, to = f"s3://{_PHOTOS}", f"s3://planned-jobs/{job}"
    line = ["job", "plan", place, "--to", to, "--config", str(config), *words]
    assert await plan(parser().parse_args(line)) == 0


def _read(direct: Any, name: str) -> bytes:
    return bytes(direct.get_object(Bucket="planned-jobs", Key=name)["Body"].read())


def _rows(direct: Any, job: str) -> list[Row]:
    planned = JobFile.model_validate_json(_read(direct, f"{job}/job.json"))
    shards = range(planned.shards)
    return [row for n in shards for row in unpack(_read(direct, f"{job}/{shard_name(n)}"), n)[1]]


async def test_a_listing(config: Path, direct: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Without more words the bucket is listed, and what to do next is said."""
    await _plan(config, "listed")
    assert capsys.readouterr().out == (
        "2 objects with 4 bytes in 1 shard at s3://planned-jobs/listed\n"
        "left out (folder): 1\n"
        "next: slimgate job run s3://planned-jobs/listed --do optimize\n"
    )
    assert [(row.key, row.size) for row in _rows(direct, "listed")] == [(k, 2) for k in _KEYS]


async def test_versions(config: Path, direct: Any) -> None:
    """With versions, every row names its own."""
    await _plan(config, "versions", "--versions", "--all-keys")
    assert [row.version for row in _rows(direct, "versions")] == ["null", "null"]


@pytest.mark.parametrize("file_format", ["CSV", "Parquet"])
async def test_an_inventory(config: Path, direct: Any, file_format: inventories.Format) -> None:
    """An inventory is read from the store."""
    write = inventories.csv_file if file_format == "CSV" else inventories.parquet_file
    manifest = inventories.publish(
        lambda key, body: direct.put_object(Bucket="planned-jobs", Key=key, Body=body),
        _PHOTOS,
        [write([Listed(_PHOTOS, key, size=2)]) for key in _KEYS],
        file_format,
    )
    await _plan(config, f"of-{file_format}", "--inventory", f"s3://planned-jobs/{manifest}")
    assert [row.key for row in _rows(direct, f"of-{file_format}")] == _KEYS
    with pytest.raises(BadSource, match=r"is not the manifest\.json"):
        await _plan(config, "none", "--inventory", "s3://planned-jobs/none")


@pytest.mark.parametrize("where", ["file", "store"])
async def test_a_file_of_keys(config: Path, direct: Any, where: str) -> None:
    """A file of keys is on this machine or in the store; another file is another plan."""
    file, text = config.with_name("keys.csv"), f"{_PHOTOS},a.jpg\n{_PHOTOS},b/%C3%A4+%2B.jpg\n"
    file.write_text(text)
    direct.put_object(Bucket="planned-jobs", Key="keys.csv", Body=text)
    name = str(file) if where == "file" else "s3://planned-jobs/keys.csv"
    await _plan(config, where, "--manifest", name)
    assert _rows(direct, where) == [Row(key) for key in _KEYS]
    file.write_text("")
    direct.put_object(Bucket="planned-jobs", Key="keys.csv", Body=b"")
    with pytest.raises(CannotPlan, match="has a plan with other source: plan it at another"):
        await _plan(config, where, "--manifest", name)
