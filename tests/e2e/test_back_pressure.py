"""Overload of workers: what waits, what gets SlowDown, and what is unaffected."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest

from tests.conftest import Start
from tests.e2e import images, wire
from tests.e2e.operators import counted, counts
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server, wait_until

pytestmark = pytest.mark.flood


@contextmanager
def _stopped(process: GatewayProcess) -> Iterator[None]:
    """Keep the worker from getting anywhere while the block runs."""
    (worker,) = (c for c in process.children() if c.ppid() != process.process.pid)
    worker.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        if worker.status() != psutil.STATUS_ZOMBIE:
            worker.send_signal(signal.SIGCONT)


def test_work_on_images_holds_nothing_else_up(
    moto: S3Server, moto_bucket: str, start: Start
) -> None:
    """With the workers stuck and the queue full, what passes through is served as ever.

    Restores beyond the queue, or after too long a wait in it, are told to slow down; uploads are
    stored as they came.
    """
    engine = {"workers": 1, "max_queue": 2, "max_queue_wait_s": 6}
    config = {**configuration(moto), "engine": engine, "cache": {"max_bytes": 0}}
    process = start({**config, "admin": {"listen": "127.0.0.1:0"}})
    server = moto.at(process.endpoint)
    with s3_client(server) as s3, s3_client(moto) as direct:
        plain = f"plain-{moto_bucket}"
        direct.create_bucket(Bucket=plain)
        for key in "abcdef":
            s3.put_object(Bucket=moto_bucket, Key=key, Body=images.jpeg())
        with ThreadPoolExecutor(8) as threads, _stopped(process):
            stuck = [threads.submit(wire.ask, server, "GET", f"/{moto_bucket}/a")]
            wait_until(lambda: counted(counts(process), "worker_jobs") == 1, "the first job")
            stuck += [
                threads.submit(wire.ask, server, "GET", f"/{moto_bucket}/{key}") for key in "bc"
            ]
            wait_until(lambda: counted(counts(process), "worker_jobs_waiting") == 2, "the queue")
            for key in "def":
                answer = wire.ask(server, "GET", f"/{moto_bucket}/{key}")
                assert answer.failure == (503, "SlowDown")
                assert answer.headers["Retry-After"] == "1"
            for number in range(20):
                where = {"Bucket": plain, "Key": f"k{number % 5}"}
                s3.put_object(**where, Body=b"%d" % number)
                assert b"%d" % number == s3.get_object(**where)["Body"].read()
            assert s3.list_objects_v2(Bucket=plain)["KeyCount"] == 5
            s3.put_object(Bucket=moto_bucket, Key="upload", Body=images.jpeg())
            # Nothing of all that has waited for an image.
            assert not stuck[0].done()
            for waited in stuck[1:]:
                assert waited.result(20).failure == (503, "SlowDown")
        assert stuck[0].result(20).status == 200
        assert "the queue is" in process.wait_for("stored as uploaded", key="upload")["reason"]
        assert wire.ask(moto, "GET", f"/{moto_bucket}/upload").body == images.jpeg()
