"""Engines as processes of their own, as gateways on other machines use them."""

import http.client
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from tests.servers.gateway import environment
from tests.servers.server import free_port, running, wait_until

_READY = 200


@dataclass(frozen=True, slots=True)
class EngineServer:
    """A running engine.

    Attributes:
        url: Where it is.
        process: What runs there.
        log: Its output.
    """

    url: str
    process: "Popen[bytes]"
    log: Path

    def page(self, path: str) -> tuple[int, str]:
        """Return status and text of a page that wants no token."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def is_ready(self) -> bool:
        """Return whether it takes images."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the engine has ended: {self.log.read_text()[-4000:]}")
        try:
            return self.page("/readyz")[0] == _READY
        except OSError:
            return False

    def metric(self, name: str) -> float:
        """Return a metric without labels."""
        lines = self.page("/metrics")[1].splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


@contextmanager
def engine_server(
    directory: Path, token: str, *options: str, port: int | None = None
) -> Iterator[EngineServer]:
    """Run an engine for a while.

    Args:
        directory: Folder for its log and its token.
        token: What requests must carry.
        options: Further options of ``slimgate engine serve``.
        port: Port; None: a free one.
    """
    port = port or free_port()
    file = directory / f"token-{port}"
    file.write_text(f"{token}\n")
    words, log = command(port, file, *options), directory / "engines.log"
    with running(words, log, environment()) as process:
        server = EngineServer(f"http://127.0.0.1:{port}", process, log)
        wait_until(server.is_ready, "the start of an engine")
        yield server


def command(port: int, token: Path, *options: str) -> Sequence[str]:
    """Return the command line of an engine."""
    words = ("engine", "serve", "--listen", f"127.0.0.1:{port}", "--token-file", str(token))
    return (sys.executable, "-m", "slimgate", *words, "--threads", "1", *options)
