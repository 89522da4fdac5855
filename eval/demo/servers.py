"""A bucket and a gateway on this machine, for the demo and the benchmarks."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml
from botocore import session
from botocore.config import Config

from slimgate.eval.demo.processes import LineReader, Server

ACCESS_KEY: Final = "demo"
SECRET_KEY: Final = "demo-secret"  # noqa: S105  # only grants access to an in-memory bucket
REGION: Final = "us-east-1"
BUCKET: Final = "photos"
ECONOMY: Final = "economy"

_START_TIMEOUT_S: Final = 60.0  # first import from a cold disk
_MOTO_READY: Final = "Running on http://"


@dataclass(frozen=True, slots=True)
class Pair:
    """A gateway and its bucket.

    Attributes:
        endpoint: URL of the gateway.
        upstream: URL of the store.
        gateway: process of the gateway.
        playground: URL of the playground; None without an admin listener.
    """

    endpoint: str
    upstream: str
    gateway: Server
    playground: str | None = None


@contextmanager
def running(
    listen: str = "127.0.0.1:0",
    on_line: LineReader | None = None,
    operators: str | None = None,
    *,
    policies: Sequence[Mapping[str, Any]] | None = None,
    timeout_s: float | None = None,
) -> Iterator[Pair]:
    """Start an in-memory store and a gateway; stop both when the context exits.

    Args:
        listen: address of the gateway; port 0: any free port.
        on_line: receives each line of the gateway's log, in another thread.
        operators: address of the admin listener; None: none.
        policies: content of ``policies``; None: those of the demo.
        timeout_s: maximum wait for the store's answer; None: the default.

    Raises:
        StartFailed: a server did not start.
    """
    with ExitStack() as stack:
        upstream = stack.enter_context(bucket_server())
        wait = {} if timeout_s is None else {"read_timeout_s": timeout_s}
        settings = {
            "upstream": {"endpoint": upstream, "region": REGION, **wait},
            "credentials": [{"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}],
            "index": {"kind": "memory"},
            "policies": [demo_policy(), economy_policy()] if policies is None else list(policies),
            "admin": {"listen": operators},
        }
        gateway = stack.enter_context(gateway_server(settings, listen, on_line))
        playground = None if operators is None else f"http://{operators}/"
        yield Pair(f"http://{gateway.address(_START_TIMEOUT_S)}", upstream, gateway, playground)


def demo_policy() -> dict[str, Any]:
    """Return the demo's first policy, all defaults, in configuration format."""
    return {"name": BUCKET, "bucket": BUCKET, "mode": "optimize"}


def economy_policy() -> dict[str, Any]:
    """Return the demo's second policy, the least fidelity by name, in configuration format."""
    return {"name": ECONOMY, "bucket": ECONOMY, "mode": "optimize", "fidelity": "economy"}


@contextmanager
def bucket_server() -> Iterator[str]:
    """Start moto's server, an in-memory S3, and yield its URL."""
    command = [sys.executable, "-P", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with Server(command, ready=_moto_address) as server:
        yield f"http://{server.address(_START_TIMEOUT_S)}"


@contextmanager
def gateway_server(
    settings: Mapping[str, Any], listen: str, on_line: LineReader | None = None
) -> Iterator[Server]:
    """Start a gateway as a user would, with a configuration file and a command.

    Args:
        settings: content of the configuration file.
        listen: HOST:PORT; port 0: any free port.
        on_line: receives each line of the log once the gateway listens.
    """
    with TemporaryDirectory(prefix="slimgate-") as folder:
        path = Path(folder, "slimgate.yaml")
        path.write_text(yaml.safe_dump(dict(settings)))
        program = [sys.executable, "-P", "-m", "slimgate", "serve"]
        command = [*program, "--config", str(path), "--listen", listen]
        with Server(command, ready=gateway_address, on_line=on_line) as server:
            server.address(_START_TIMEOUT_S)
            yield server


# botocore creates client classes at run time, so they have no static type.
def s3_client(
    endpoint: str, access_key: str = ACCESS_KEY, secret_key: str = SECRET_KEY, region: str = REGION
) -> Any:
    """Return an S3 client without retries, so that every error is visible."""
    config = Config(
        signature_version="s3v4",  # otherwise presigned URLs use Signature Version 2
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
        proxies={},
        max_pool_connections=4,
    )
    return session.get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        config=config,
    )


def _moto_address(line: str) -> str | None:
    _, found, rest = line.partition(_MOTO_READY)
    return rest.strip() if found else None


def gateway_address(line: str) -> str | None:
    """Return the address from the log line that announces it; None for other lines."""
    try:
        event = json.loads(line)
    except ValueError:
        return None  # a library's warning, or a traceback, which stays in the tail
    if not isinstance(event, dict) or event.get("event") != "listening":
        return None
    return str(event["address"])
