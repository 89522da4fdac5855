"""What all servers of the tests share: an address with keys, free ports, and orderly ends."""

import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_START_S: Final = 60.0
_STOP_S: Final = 20.0
_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Keys:
    """A key pair of one user, and the session token of a temporary one."""

    access: str
    secret: str
    token: str | None = None


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running S3 server, or a gateway, which looks like one.

    Attributes:
        endpoint: URL without a path.
        users: Who may use it, the owner of the buckets first.
        is_moto: It imitates S3 and is lenient where a real server is not.
    """

    endpoint: str
    users: tuple[Keys, ...] = field(default=(Keys("main", "main-secret"),))
    is_moto: bool = False

    @property
    def host(self) -> str:
        """Return host and port."""
        return urlsplit(self.endpoint).netloc

    @property
    def main(self) -> Keys:
        """Return the keys of the owner of the buckets."""
        return self.users[0]

    def at(self, endpoint: str) -> "S3Server":
        """Return the same users at another address."""
        return S3Server(endpoint, self.users, self.is_moto)


def free_port() -> int:
    """Find a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Callable[[], bool], what: str, timeout_s: float = _START_S) -> None:
    """Wait for something that another process does.

    Raises:
        TimeoutError: It has not happened in time.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {timeout_s:g} s")
        select.select([], [], [], _PAUSE_S)


def answers(port: int) -> bool:
    """Return whether a loopback port accepts connections."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(
    command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server for a while; it is ended in any case, by force if need be.

    Args:
        command: Program and arguments, staying in the foreground.
        log: File that takes its output.
        environ: Its whole environment; None: that of the tests.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environ)
    try:
        yield process
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask a process to end, and end it."""
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
