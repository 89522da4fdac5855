import signal
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.conftest import Start
from tests.e2e import images
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server, wait_until

pytestmark = pytest.mark.crash

_BUSY_S = 0.3
_PATIENT_S = 600
"""Timeout of a client that waits for two searches on a busy machine."""


def _worker(process: GatewayProcess) -> psutil.Process:
    """Return the one process that works on images: its parent is the fork server."""
    (worker,) = (c for c in process.children() if c.ppid() != process.process.pid)
    return worker


def test_a_killed_worker_costs_nothing(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """An upload whose worker is killed is tried again without what the worker was at."""
    config = {**configuration(moto), "engine": {"workers": 1}}
    config["policies"][0]["limits"] = {"timeout_s": 600}  # however busy the machine is
    process = start(config)
    gateway = moto.at(process.endpoint)
    small, big = images.jpeg(), images.jpeg(3000, 2500)
    with s3_client(gateway, read_timeout=_PATIENT_S) as s3, ThreadPoolExecutor(1) as thread:
        s3.put_object(Bucket=moto_bucket, Key="first", Body=small)
        worker = _worker(process)
        before = worker.cpu_times().user
        upload = thread.submit(s3.put_object, Bucket=moto_bucket, Key="big", Body=big)
        wait_until(lambda: worker.cpu_times().user > before + _BUSY_S, "work on the image")
        worker.send_signal(signal.SIGKILL)
        upload.result()
        line = process.wait_for("job retried")
        assert "the worker process died (exit code -9)" in line["reason"]
        assert line["without"] != []
        process.wait_for("optimized", key="big")
        assert len(big) == len(s3.get_object(Bucket=moto_bucket, Key="big")["Body"].read())
        s3.put_object(Bucket=moto_bucket, Key="next", Body=small)
        process.wait_for("optimized", key="next")
        assert _worker(process).pid != worker.pid


def test_a_worker_that_is_killed_while_idle_costs_nothing(
    moto: S3Server, moto_bucket: str, start: Start
) -> None:
    """When a worker is killed between two uploads, the next ones are optimized all the same."""
    process = start({**configuration(moto), "engine": {"workers": 1}})
    with s3_client(moto.at(process.endpoint)) as s3:
        for key in ("first", "second", "third"):
            s3.put_object(Bucket=moto_bucket, Key=key, Body=images.jpeg())
            process.wait_for("optimized", key=key)
            _worker(process).send_signal(signal.SIGKILL)
    assert [line["key"] for line in process.events("optimized")] == ["first", "second", "third"]


def test_an_image_that_is_too_much_work_stays(
    moto: S3Server, moto_bucket: str, start: Start
) -> None:
    """An image that takes more work than its policy allows is stored as it came."""
    config = configuration(moto)
    # A lossless tier may be quick enough.
    config["policies"][0] |= {"limits": {"timeout_s": 0.05}, "tiers": ["recode"]}
    process = start(config)
    big = images.jpeg(3000, 2500)
    with s3_client(moto.at(process.endpoint)) as s3:
        s3.put_object(Bucket=moto_bucket, Key="big", Body=big)
        assert big == s3.get_object(Bucket=moto_bucket, Key="big")["Body"].read()
    line = process.wait_for("stored as uploaded", key="big")
    # Whichever notices first: the work itself, or the clock.
    reasons = ("no work left: see limits.timeout_s", "stopped after 0.3 s of wall-clock time")
    assert any(reason in line["reason"] for reason in reasons)
