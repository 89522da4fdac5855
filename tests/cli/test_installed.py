"""The wheel works where people install it, next to whatever else there is."""

import hashlib
import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from slimgate.codec.golden import objects
from tests.e2e import images
from tests.e2e.operators import asked
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration, environment
from tests.servers.installed import FOREIGN, Installed
from tests.servers.server import S3Server
from tests.servers.tool import JOBS

pytestmark = pytest.mark.slow  # builds a wheel, and starts what it installs: 40 s

_CHANGES = {"processes": 2, "engine": {"workers": 2}, "admin": {"listen": "127.0.0.1:0"}}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Install the wheel; in the end nothing may have imported a foreign module."""
    found = Installed(tmp_path_factory.mktemp("installed"))
    yield found
    assert found.imported == []
    found.run_python("import config")
    assert found.imported == ["config"], "imports are not watched"


@pytest.fixture(scope="module")
def process(
    moto: S3Server, installed: Installed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """Run an installed gateway of two processes, in the hostile folder."""
    with GatewayProcess(
        {**configuration(moto), **_CHANGES},
        tmp_path_factory.mktemp("gateway"),
        program=[str(installed.program)],
        folder=installed.working_directory,
    ) as running:
        yield running


def test_the_wheel_holds_the_package_alone(installed: Installed) -> None:
    """Everything is in ``slimgate``, typed, with its files of data, without tests and benches."""
    names = zipfile.ZipFile(installed.wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"slimgate"}
    assert [name for name in names if "/tests/" in name or name.startswith("slimgate/bench")] == []
    assert {"slimgate/py.typed", "slimgate/config/example.yaml"} <= set(names)
    for name in FOREIGN:
        assert f"slimgate/{name}/__init__.py" in names


@pytest.mark.parametrize(
    "words", [["--help"], ["version"], ["models", "list"], ["schema"], ["completion", "bash"]]
)
def test_simple_commands(installed: Installed, words: list[str]) -> None:
    """They find everything in the package, whatever lies in the working directory."""
    done = installed.run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_it_serves(moto: S3Server, moto_bucket: str, process: GatewayProcess) -> None:
    """It answers for its health, stores an image small, and returns it."""
    status, _ = asked(process, "/_slimgate/healthz")
    assert status == 200
    upload = images.jpeg()
    with s3_client(moto.at(process.endpoint)) as client, s3_client(moto) as direct:
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=upload)
        served = client.get_object(Bucket=moto_bucket, Key="k.jpg")["Body"].read()
        stored = direct.get_object(Bucket=moto_bucket, Key="k.jpg")["Body"].read()
    assert len(stored) < len(served) == len(upload)


def test_no_process_looks_into_the_working_directory(process: GatewayProcess) -> None:
    """Gateways, workers and the engine run, and each one's path is safe."""
    found = [child for child in process.children() if child.status() != psutil.STATUS_ZOMBIE]
    lines = [" ".join(child.cmdline()) for child in found]
    for part in ("runtime.gateway_process", "engine.service"):
        assert any(part in line for line in lines), lines
    assert len(found) >= 5  # two gateways, an engine, and two workers
    for child in found:
        safe = " -P " in " ".join(child.cmdline()) or child.environ().get("PYTHONSAFEPATH")
        assert safe, child.cmdline()


def test_a_job_runs(moto: S3Server, moto_bucket: str, installed: Installed, tmp_path: Path) -> None:
    """A bucket is planned and optimized."""
    config = tmp_path / "job.yaml"
    config.write_text(yaml.safe_dump(configuration(moto)))
    job = f"s3://{JOBS}/installed"
    with s3_client(moto) as client:
        client.create_bucket(Bucket=JOBS)
        client.put_object(Bucket=moto_bucket, Key="old.jpg", Body=images.jpeg())
    place = f"s3://{moto_bucket}"
    for words in (["plan", place, "--to", job], ["run", job, "--do", "optimize"]):
        done = installed.run("job", *words, "--config", str(config))
        assert done.returncode == 0, done.stderr
    assert "made small" in done.stdout


def test_a_report_is_made(installed: Installed, tmp_path: Path) -> None:
    """An image is measured, and the report written."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(images.jpeg(64, 48))
    out = tmp_path / "out"
    done = installed.run(
        "eval", str(tmp_path / "in"), "--out", str(out), "--effort", "fast", "--processes", "1"
    )
    assert done.returncode == 0, done.stderr
    assert (out / "report.html").exists()


def test_it_restores_without_a_network(installed: Installed, tmp_path: Path) -> None:
    """Stored objects of every release return to the byte, where there is only loopback."""
    alone = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("unshare of util-linux is missing, or this user may not take networks away")
    stored, out = tmp_path / "stored", tmp_path / "out"
    stored.mkdir()
    for golden in objects():
        (stored / golden.name).write_bytes(golden.rendition)
        described = {"ContentLength": 1, "Metadata": {"slimgate": golden.manifest.dumps()}}
        (stored / f"{golden.name}.json").write_text(json.dumps(described))
    done = subprocess.run(
        [*alone, installed.program, "restore", str(stored), "--out", str(out)],
        cwd=installed.working_directory, env=environment(), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.split()) == (0, [str(len(objects())), "restored"])
    for golden in objects():
        found = hashlib.sha256((out / golden.name).read_bytes()).hexdigest()
        assert found == golden.manifest.sha256
