import asyncio
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest

from slimgate.config import Tracing
from slimgate.gateway.start_errors import CannotStart
from slimgate.gateway.telemetry import tracing
from tests.conftest import Start
from tests.e2e import images, wire
from tests.servers.clients import s3_client
from tests.servers.collector import attributes, collector
from tests.servers.gateway import configuration
from tests.servers.proxy import proxied
from tests.servers.server import S3Server

_TRACE, _PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
_HEADERS = {"traceparent": f"00-{_TRACE}-{_PARENT}-01"}
_T = TypeVar("_T")


async def _aside(call: Callable[[], _T]) -> _T:
    """Do what blocks, while the collector goes on."""
    return await asyncio.to_thread(call)


async def test_requests_are_traced(upstream: S3Server, start: Start) -> None:
    """A trace that a client began has the request, calls of the store, and work on the image.

    The store is told of it in a header, and takes the signature all the same.
    """
    sent: list[bytes] = []

    def note(piece: bytes) -> bytes:
        sent.append(piece)
        return piece

    async with collector() as told:
        with proxied(upstream, note) as (_, behind):
            config = {**configuration(behind), "tracing": {"endpoint": told.url}}
            process = await _aside(lambda: start(config))
            server = upstream.at(process.endpoint)
            with s3_client(upstream) as direct:
                await _aside(lambda: direct.create_bucket(Bucket="photos-traced"))
            path = "/photos-traced/k.jpg"
            for method, body in (("PUT", images.jpeg()), ("GET", b"")):
                headers = {**wire.signed(server, method, path), **_HEADERS}
                answer = await _aside(partial(wire.send, server, method, path, headers, body))
                assert answer.status == 200
            (get,) = await told.wait_for("GetObject")
            (put,) = await told.wait_for("PutObject")
            (optimize,) = await told.wait_for("optimize")
            (restore,) = await told.wait_for("restore")
            calls = [span for span in told.spans if span.name.startswith("store ")]
    assert {span.trace_id.hex() for span in (get, put, optimize, restore, *calls)} == {_TRACE}
    assert {span.parent_span_id.hex() for span in (get, put)} == {_PARENT}
    assert put.span_id == optimize.parent_span_id
    assert get.span_id == restore.parent_span_id
    assert {get.span_id, put.span_id} == {span.parent_span_id for span in calls}
    said = attributes(get)
    assert (said["http.request.method"], said["http.response.status_code"]) == ("GET", 200)
    assert {span.span_id.hex() for span in calls} == _told_upstream(b"".join(sent))
    assert "Signature" not in str(told.spans)


def _told_upstream(sent: bytes) -> set[str]:
    """Find the spans that the store is told of for PutObject and GetObject."""
    found = set()
    for head in sent.split(b"HTTP/1.1\r\n")[1:]:
        lines = head.split(b"\r\n\r\n")[0].split(b"\r\n")
        fields = dict(line.split(b": ", 1) for line in lines if b": " in line)
        fields = {name.lower(): value for name, value in fields.items()}
        if b"traceparent" not in fields:
            continue  # the gateway's own question at the start whether the store is there
        version, trace, span, _ = fields[b"traceparent"].decode().split("-")
        assert (version, trace) == ("00", _TRACE)
        found.add(span)
    return found


async def test_a_collector_that_is_away_costs_nothing(moto: S3Server, start: Start) -> None:
    """Without a collector, requests succeed, and the gateway shuts down as usual."""
    config = {**configuration(moto), "tracing": {"endpoint": "http://127.0.0.1:1/v1/traces"}}
    server = moto.at((await _aside(lambda: start(config))).endpoint)
    answer = await _aside(lambda: wire.ask(server, "GET", "/"))
    assert answer.status == 200


def test_nothing_is_imported_for_nothing() -> None:
    """Where nothing is traced, nothing that records or sends spans is even imported."""
    # The client of Redis imports the interface of OpenTelemetry wherever it is installed.
    names = (
        "'slimgate.gateway.telemetry.opentelemetry', 'opentelemetry.sdk.trace.export', "
        "'opentelemetry.exporter'"
    )
    code = (
        "import sys, slimgate.gateway.runtime.start; "
        f"print([m for m in ({names}) if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
    assert tracing.open_tracer(Tracing()) is None
    with tracing.span("restore", tier="exact") as span:
        span.set_attribute("said", "to nobody")
    assert tracing.outbound() == {}


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, a configured endpoint keeps the gateway from starting, and says why."""
    monkeypatch.setitem(sys.modules, "slimgate.gateway.telemetry.opentelemetry", None)
    with pytest.raises(CannotStart, match=r"install 'slimgate\[otel\]'"):
        tracing.open_tracer(Tracing(endpoint="http://127.0.0.1:1/v1/traces"))
