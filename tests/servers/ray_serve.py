"""Engines on Ray Serve, deployed from the file that users deploy, on this machine.

The cluster lives in a process of its own, ``python -m tests.servers.ray_serve FILE``: it runs
``serve run`` on a cluster without the dashboard, whose start takes longer than all the rest.
"""

import importlib.util
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from tests.servers.engine import EngineServer
from tests.servers.gateway import environment
from tests.servers.server import free_port, wait_until

FILE: Final = Path(__file__).parents[2] / "config/ray/serve.yaml"
_STOP_S: Final = 60.0
_ATTEMPTS: Final = 3


def missing() -> bool:
    """Return whether Ray Serve is not installed."""
    return any(importlib.util.find_spec(each) is None for each in ("ray", "starlette", "uvicorn"))


def deployment(port: int, token: Path, engine: Mapping[str, object]) -> dict[str, Any]:
    """Return the configuration that users deploy, on loopback and without a GPU.

    Args:
        port: Port of the proxy.
        token: File with the token.
        engine: Settings of the engine.
    """
    config: dict[str, Any] = yaml.safe_load(FILE.read_text())
    config["http_options"] |= {"host": "127.0.0.1", "port": port}
    (application,) = config["applications"]
    application["args"] |= {"engine": dict(engine), "token_file": str(token)}
    (replica,) = application["deployments"]
    replica["ray_actor_options"] = {"num_cpus": 0}
    return config


@contextmanager
def ray_serve(directory: Path, token: str, engine: Mapping[str, object]) -> Iterator[EngineServer]:
    """Run a cluster on this machine with one replica for a while.

    Args:
        directory: Folder for its log, its token and its configuration.
        token: What requests must carry.
        engine: Settings of the engine.
    """
    port = free_port()
    secret, file = directory / "token-ray", directory / "serve.yaml"
    secret.write_text(f"{token}\n")
    file.write_text(yaml.safe_dump(deployment(port, secret, engine)))
    environ = {**environment(), "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, "-m", __name__, str(file)]
    log = directory / "ray-serve.log"
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environ)
    try:
        server = EngineServer(f"http://127.0.0.1:{port}", process, log)
        wait_until(server.is_ready, "the start of Ray Serve", 180)
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    """Run a cluster of this machine alone, with what a file deploys, until interrupted."""
    from ray.serve.scripts import cli  # noqa: PLC0415  # may be missing

    _start(_ATTEMPTS)
    cli(["run", sys.argv[1]])


def _start(attempts: int) -> None:
    """Start the cluster; Ray gives a node 30 s, which a busy machine may not have."""
    import ray  # noqa: PLC0415

    try:
        ray.init(address="local", namespace="serve", num_cpus=2, include_dashboard=False)
    except Exception as error:  # Ray has no class for it
        if attempts == 1 or "timed out during startup" not in str(error):
            raise
        ray.shutdown()
        _start(attempts - 1)


if __name__ == "__main__":
    main()
