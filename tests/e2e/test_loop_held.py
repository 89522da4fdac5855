"""No request may keep the others waiting: the event loop is never held for long."""

import sys
from collections.abc import Iterator
from typing import Final

import pytest

from tests.e2e import hostile_requests, wire
from tests.e2e.hostile_requests import CORPUS
from tests.e2e.operators import asked
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, LogLine, configuration
from tests.servers.measured import HELD
from tests.servers.server import S3Server

pytestmark = pytest.mark.flood

_LIMIT_MS: Final = 50.0
_GLOBS: Final = [
    {
        "name": f"glob-{number}",
        "bucket": "*a*a*a*a*a*b",
        "prefix": f"p{number:03}/",
        "mode": "shadow",
    }
    for number in range(900)
]


@pytest.fixture(scope="module")
def process(moto: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Run a gateway whose event loop is timed, with as many policies as an owner may write."""
    config = configuration(moto, admin={"listen": "127.0.0.1:0"}, engine={"workers": 1})
    config["policies"] = [*_GLOBS, *config["policies"]]
    folder = tmp_path_factory.mktemp("measured")
    program = (sys.executable, "-m", "tests.servers.measured")
    with GatewayProcess(config, folder, program=program) as running:
        server = moto.at(running.endpoint)
        with s3_client(moto) as direct, s3_client(server, read_timeout=120) as through:
            hostile_requests.prepare(direct, through)
        yield running


def _held(process: GatewayProcess, server: S3Server) -> list[LogLine]:
    """Return what has been logged of long steps so far.

    A refusal is logged after every step before it, and found in the log by its id.
    """
    refused = wire.send(server, "GET", "/", {"Host": server.host, "Authorization": "AWS4 none"})
    process.wait_for("refused", request_id=refused.headers["x-amz-request-id"])
    return process.events(HELD)


def _shown(steps: list[LogLine]) -> list[str]:
    return [f"{step['cpu_ms']:.0f} ms of CPU, {step['wall_ms']:.0f} ms, at {step['at']}"
            for step in steps]  # fmt: skip


@pytest.mark.parametrize("kind", CORPUS)
def test_no_request_holds_the_event_loop(
    moto: S3Server, process: GatewayProcess, kind: str
) -> None:
    """Whatever is sent, no step of the event loop takes more than 50 ms of CPU time."""
    server, too_long = moto.at(process.endpoint), {}
    for name, attack in CORPUS[kind]().items():
        before = len(_held(process, server))
        attack(server)
        steps = _held(process, server)[before:]
        print(name, *_shown(steps), sep="\n    ")  # noqa: T201  # shown by -s and on failure
        if held := _shown([step for step in steps if step["cpu_ms"] > _LIMIT_MS]):
            too_long[name] = held
    assert too_long == {}


@pytest.mark.parametrize(
    "path", ["/metrics", "/_slimgate/healthz", "/_slimgate/readyz", "/_slimgate/"]
)
def test_no_operator_holds_the_event_loop(
    moto: S3Server, process: GatewayProcess, path: str
) -> None:
    """What operators ask for does not hold up the clients."""
    server = moto.at(process.endpoint)
    before = len(_held(process, server))
    asked(process, path)
    steps = _held(process, server)[before:]
    assert _shown([step for step in steps if step["cpu_ms"] > _LIMIT_MS]) == []
