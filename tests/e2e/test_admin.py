"""The listener for operators, and how a gateway ends."""

import http.client
import signal
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.conftest import Start
from tests.e2e import images
from tests.e2e.operators import asked, counted, counts, probed
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server

_ADMIN: Final = {"listen": "127.0.0.1:0"}
_FILE: Final = images.jpeg()


def test_what_happens_is_counted(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """A PUT, a refused one, a cold and a hot GET show up under their names."""
    process = start({**configuration(moto), "admin": _ADMIN})
    with s3_client(moto.at(process.endpoint)) as client:
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)
        client.put_object(Bucket=moto_bucket, Key="text", Body=b"no image")
        answers = [client.get_object(Bucket=moto_bucket, Key="k.jpg") for _ in range(2)]
        tier = answers[0]["ResponseMetadata"]["HTTPHeaders"]["x-slimgate-tier"]
        assert len({answer["Body"].read() for answer in answers}) == 1
    with s3_client(moto) as direct:
        stored = direct.head_object(Bucket=moto_bucket, Key="k.jpg")["ContentLength"]
    found = counts(process)
    assert counted(found, "requests_total", operation="PutObject", status="200") == 2
    assert counted(found, "request_duration_seconds_count", operation="GetObject") == 2
    assert counted(found, "uploads_total", policy="photos", outcome="optimized") == 1
    assert counted(found, "plain_total", policy="photos", reason="type") == 1
    assert counted(found, "uploaded_bytes_total", policy="photos", tier=tier) == len(_FILE)
    assert stored == counted(found, "stored_bytes_total", policy="photos", tier=tier)
    assert tuple(counted(found, "cache_requests_total", result=r) for r in ("hit", "miss")) == (
        1,
        1,
    )
    assert counted(found, "restores_total", outcome="ok") == 1
    assert counted(found, "cache_bytes") == len(_FILE)
    assert counted(found, "worker_jobs") == counted(found, "buffered_bytes") == 0
    assert counted(found, "upstream_requests_total", status="2xx") >= 4
    assert found["process_resident_memory_bytes", frozenset()] > 0


def test_clients_cannot_make_time_series(moto: S3Server, moto_bucket: str, start: Start) -> None:
    """Client-chosen names are no labels, and requests refused early share one name."""
    process = start({**configuration(moto), "admin": _ADMIN})
    with s3_client(moto.at(process.endpoint)) as client:
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=_FILE)
    before = counts(process)
    status, _ = asked(process, "/bucket/key?X-Amz-Signature=secret", public=True)
    assert 400 <= status < 500
    for method in ("GET", "BREW"):
        connection = http.client.HTTPConnection(urlsplit(process.endpoint).netloc, timeout=20)
        connection.request(method, f"/{moto_bucket}/{method}", headers={"Authorization": "no"})
        connection.getresponse().read()
        connection.close()
    labels = {label for name, label in set(counts(process)) - set(before)}
    said = {value for pairs in labels for _, value in pairs}
    assert not [value for value in said if "BREW" in value or moto_bucket in value]
    assert "secret" not in str(process.log)


def test_nothing_without_the_token(moto: S3Server, start: Start) -> None:
    """Where a token is demanded, only probes are answered without it, and no log has it."""
    token = "Up-to-no-good-0123456789"  # of this gateway alone
    process = start({**configuration(moto), "admin": {**_ADMIN, "token": token}})
    paths = [f"/_slimgate/{name}" for name in ("healthz", "readyz", "metrics")]
    for path in [*paths, "/metrics", "/nothing"]:
        assert asked(process, path)[0] == (200 if path in paths[:2] else 401)
        assert asked(process, path, token=token[:-1])[0] == 401
    assert [asked(process, path, token=token)[0] for path in paths] == [200] * 3
    assert token not in str(process.log)


def test_the_public_listener_has_no_such_paths(moto: S3Server, start: Start) -> None:
    """There it is an S3 request like any other."""
    process = start({**configuration(moto), "admin": _ADMIN})
    status, text = asked(process, "/_slimgate/metrics", public=True)
    assert status >= 400
    assert "slimgate_requests" not in text


def test_ready_only_with_a_store(moto: S3Server, start: Start) -> None:
    """Without its store a gateway is alive, yet should get no traffic."""
    process = start({**configuration(moto), "admin": _ADMIN})
    assert asked(process, "/_slimgate/readyz") == (200, "ready\n")
    nowhere = {**configuration(moto)["upstream"], "endpoint": "http://127.0.0.1:1"}
    alone = start({**configuration(moto), "upstream": nowhere, "admin": _ADMIN})
    assert asked(alone, "/_slimgate/healthz")[0] == 200
    assert [counted(counts(each), "ready") for each in (process, alone)] == [1, 0]
    status, text = asked(alone, "/_slimgate/readyz")
    assert (status, "upstream.endpoint" in text) == (503, True)


@pytest.mark.parametrize("token", [None, "Up-to-no-good-0123456789"])
def test_the_probe_of_containers(moto: S3Server, start: Start, token: str | None) -> None:
    """The probe finds the gateway by its configuration, and fails when it is not there."""
    process = start({**configuration(moto), "admin": {**_ADMIN, "token": token}})
    address = process.wait_for("listening for operators")["address"]
    done = probed(process, address)
    assert (done.returncode, done.stderr) == (0, b"")
    done = probed(process, "127.0.0.1:1")
    assert (done.returncode, b"refused" in done.stderr) == (1, True)


@pytest.mark.parametrize("bucket", ["photos-drained", "plain-drained"])
def test_requests_in_flight_are_finished(moto: S3Server, start: Start, bucket: str) -> None:
    """After SIGTERM an upload that has begun is stored and answered; no new connection is taken."""
    process = start({**configuration(moto), "admin": _ADMIN})
    with s3_client(moto) as direct, s3_client(moto.at(process.endpoint)) as client:
        direct.create_bucket(Bucket=bucket)
        where = {"Bucket": bucket, "Key": "k.jpg"}
        url = urlsplit(client.generate_presigned_url("put_object", where))
        connection = http.client.HTTPConnection(url.netloc, timeout=20)
        connection.putrequest("PUT", f"{url.path}?{url.query}")
        connection.putheader("Content-Length", str(len(_FILE)))
        connection.endheaders(_FILE[:100])
        _wait_for_requests(process, 1)
        process.process.send_signal(signal.SIGTERM)
        process.wait_for("draining")
        assert asked(process, "/_slimgate/readyz") == (503, "draining\n")
        connection.send(_FILE[100:])
        assert connection.getresponse().status == 200
        connection.close()
        assert process.process.wait(20) == 0
        assert "k.jpg" in [entry["Key"] for entry in _listed(direct, bucket)]


def _listed(client: Any, bucket: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = client.list_objects_v2(Bucket=bucket).get("Contents", [])
    return entries


def _wait_for_requests(process: GatewayProcess, count: int) -> None:
    """Ask until as many requests are in flight; each answer is an event of its own."""
    while counted(counts(process), "requests_in_flight") < count:
        assert process.process.poll() is None
