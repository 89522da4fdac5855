"""Several gateway processes on one port."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.e2e import images
from tests.e2e.operators import asked, counted, counts
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server, wait_until

_FILE: Final = images.jpeg()
_SEVERAL: Final = {"processes": 2, "engine": {"workers": 2}, "admin": {"listen": "127.0.0.1:0"}}


@pytest.fixture(scope="module")
def process(moto: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Run a gateway of two processes."""
    config = {**configuration(moto), **_SEVERAL}
    with GatewayProcess(config, tmp_path_factory.mktemp("several")) as running:
        yield running


def _running(process: GatewayProcess, module: str) -> list[psutil.Process]:
    """List the processes that run a module."""
    return [child for child in process.children() if module in _cmdline(child)]


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []  # it has just ended


def test_they_share_a_port_an_engine_and_the_workers(
    moto: S3Server, moto_bucket: str, process: GatewayProcess
) -> None:
    """Two processes serve one port, with one engine, and count together."""
    with s3_client(moto.at(process.endpoint)) as client:
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)

        def get(_: int) -> bytes:
            data: bytes = client.get_object(Bucket=moto_bucket, Key="k.jpg")["Body"].read()
            return data

        with ThreadPoolExecutor(8) as pool:
            served = list(pool.map(get, range(24)))
    assert {len(data) for data in served} == {len(_FILE)}
    assert len(set(served)) == 1
    assert len(_acceptors(process)) == 2
    assert len(_running(process, "slimgate.models.engine.service")) == 1
    assert asked(process, "/_slimgate/readyz") == (200, "ready\n")
    found = counts(process)
    assert counted(found, "requests_total", operation="GetObject", status="200") == 24
    assert counted(found, "build_info", version="0.1.0") == 1
    assert counted(found, "requests_in_flight") == 0
    assert 0 < counted(found, "cache_bytes") <= 2 * len(_FILE)


@pytest.mark.crash
def test_a_lost_one_is_replaced(moto: S3Server, process: GatewayProcess) -> None:
    """When a process is killed another one takes its place, and what it counted stays counted."""
    others = {"operation": "Other", "status": "200"}
    already = counted(counts(process), "requests_total", **others)
    with s3_client(moto.at(process.endpoint)) as client:
        for _ in range(3):
            client.list_buckets()
        before = {child.pid for child in _acceptors(process)}
        os.kill(min(before), signal.SIGKILL)
        process.wait_for("gateway process lost", exit_code=-signal.SIGKILL)
        for _ in range(3):
            client.list_buckets()
    wait_until(lambda: asked(process, "/_slimgate/readyz") == (200, "ready\n"), "its replacement")
    assert len(_acceptors(process)) == 2
    assert len(before & {child.pid for child in _acceptors(process)}) == 1
    found = counts(process)
    assert already + 6 == counted(found, "requests_total", **others)
    assert counted(found, "gateways_lost_total") == 1
    assert counted(found, "requests_in_flight") == 0


def test_an_overwritten_object_is_new_in_all(
    moto: S3Server, moto_bucket: str, process: GatewayProcess
) -> None:
    """Whichever process answers, what was overwritten by another is not served any more."""
    files = [images.jpeg(quality=quality) for quality in (90, 91, 92)]
    with ExitStack() as stack:
        where = {"Bucket": moto_bucket, "Key": "k.jpg"}
        clients = [stack.enter_context(s3_client(moto.at(process.endpoint))) for _ in range(4)]
        for file in files:
            clients[0].put_object(**where, Body=file)
            answers = [client.get_object(**where) for client in clients for _ in range(2)]
            served = {answer["Body"].read() for answer in answers}
            assert ({len(file)}, 1) == ({len(data) for data in served}, len(served))
            assert len({answer["ETag"] for answer in answers}) == 1


_HANG: Final = """
import signal

def hang(*_):
    while True:
        pass

signal.signal(signal.SIGUSR1, hang)
"""
"""Runs when Python starts; the handler then runs in the event loop, and holds it for ever."""


@pytest.fixture(scope="module")
def hanging(moto: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Run a gateway of two processes that can be made to hang."""
    folder = tmp_path_factory.mktemp("hanging")
    (folder / "sitecustomize.py").write_text(_HANG)
    config = {**configuration(moto), **_SEVERAL, "heartbeat_timeout_s": 5}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        with GatewayProcess(config, folder) as running:
            yield running


@pytest.mark.crash
@pytest.mark.parametrize(
    ("number", "ends_with", "stacks"),
    [
        (signal.SIGUSR1, -signal.SIGABRT, "sitecustomize.py"),
        (signal.SIGSTOP, -signal.SIGKILL, ""),
    ],
    ids=["busy", "stopped"],
)
@pytest.mark.parametrize(
    "module", ["slimgate.gateway.runtime.gateway_process", "slimgate.models.engine.service"]
)
def test_one_that_hangs_is_replaced(
    moto: S3Server,
    hanging: GatewayProcess,
    module: str,
    number: signal.Signals,
    ends_with: int,
    stacks: str,
) -> None:
    """A process whose event loop stands still is ended, replaced, counted and logged."""
    name = "gateway" if module == "slimgate.gateway.runtime.gateway_process" else "engine"
    before = len(hanging.events(f"{name} process replaced"))
    hung = _running(hanging, module)[0].pid
    os.kill(hung, number)
    hanging.wait_for(f"{name} process hung", pid=hung, timeout_s=90)
    wait_until(lambda: len(hanging.events(f"{name} process replaced")) > before, "its replacement")
    assert hung not in {child.pid for child in _running(hanging, module)}
    wait_until(lambda: asked(hanging, "/_slimgate/readyz") == (200, "ready\n"), "readiness")
    lost = hanging.events(f"{name} process lost", exit_code=ends_with)[-1]
    assert stacks in lost.get("stacks", "")
    assert counted(counts(hanging), "processes_hung_total", process=name) >= 1
    with s3_client(moto.at(hanging.endpoint)) as client:
        assert client.list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_all_take_the_same_policies(moto: S3Server, process: GatewayProcess) -> None:
    """SIGHUP reaches every process, a replaced one included; an invalid file changes nothing."""
    config = {**configuration(moto), **_SEVERAL}
    process.configure({**config, "policies": []})
    process.process.send_signal(signal.SIGHUP)
    process.wait_for("policies reloaded", policies=())
    process.configure({**config, "policies": 1})
    process.process.send_signal(signal.SIGHUP)
    process.wait_for("configuration not reloaded: the old policies stay")
    os.kill(_acceptors(process)[0].pid, signal.SIGTERM)
    process.wait_for("gateway process lost", exit_code=0)
    wait_until(lambda: asked(process, "/_slimgate/readyz") == (200, "ready\n"), "its replacement")
    with s3_client(moto) as direct, s3_client(moto.at(process.endpoint)) as client:
        direct.create_bucket(Bucket="photos-reloaded")
        for number in range(8):
            client.put_object(Bucket="photos-reloaded", Key=str(number), Body=_FILE)
        stored = direct.list_objects_v2(Bucket="photos-reloaded")["Contents"]
    assert {entry["Size"] for entry in stored} == {len(_FILE)}


@pytest.mark.crash
def test_none_outlives_a_supervisor_that_is_killed(moto: S3Server, tmp_path: Path) -> None:
    """When the supervisor is killed, processes and engine end by themselves."""
    process = GatewayProcess({**configuration(moto), **_SEVERAL}, tmp_path)
    process.__enter__()
    children = process.children()
    process._kill()
    # An engine, and two gateways, each with a fork server and a worker.
    assert len(children) == 7
    assert psutil.wait_procs(children, 60)[1] == []


def _acceptors(process: GatewayProcess) -> list[psutil.Process]:
    return _running(process, "slimgate.gateway.runtime.gateway_process")
