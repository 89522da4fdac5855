import os
import socket
import sys
from queue import SimpleQueue

import pytest

from slimgate.eval.demo import processes
from slimgate.eval.demo.processes import Server, StartFailed

# The smallest server: it listens, says where, and waits to be ended.
LISTENING = """
import signal, socket, sys
server = socket.create_server(("127.0.0.1", 0))
print("up", "127.0.0.1:%d" % server.getsockname()[1], file=sys.stderr, flush=True)
print("one more line", file=sys.stderr, flush=True)
signal.pause()
"""


def _up(line: str) -> str | None:
    return line.removeprefix("up ").strip() if line.startswith("up ") else None


def test_server_is_stopped() -> None:
    """A server is reachable as soon as its address is known, and gone after the context."""
    with Server([sys.executable, "-c", LISTENING], ready=_up) as server:
        host, _, port = server.address(30).rpartition(":")
        socket.create_connection((host, int(port)), 5).close()
    assert server.process.returncode is not None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 5)


def test_later_lines_are_handed_on() -> None:
    """Every line after the announcement reaches the reader, and none before it."""
    lines: SimpleQueue[str] = SimpleQueue()
    with Server([sys.executable, "-c", LISTENING], ready=_up, on_line=lines.put) as server:
        server.address(30)
        assert lines.get(timeout=30) == "one more line"
    assert lines.empty()


def test_failure_shows_the_log() -> None:
    """A server that ends instead of starting is reported with what it said last."""
    command = [sys.executable, "-c", "import sys; sys.exit('no disk left')"]
    with (
        Server(command, ready=_up) as server,
        pytest.raises(StartFailed, match="no disk left"),
    ):
        server.address(30)


def test_address_where_nobody_listens_is_a_failure() -> None:
    """An announcement alone is not believed."""
    script = "import sys; print('up 127.0.0.1:1', file=sys.stderr)"
    with (
        Server([sys.executable, "-c", script], ready=_up) as server,
        pytest.raises(StartFailed, match="does not answer"),
    ):
        server.address(30)


def test_environment_keeps_servers_to_themselves() -> None:
    """Settings of another gateway do not leak in, and no proxy stands before loopback."""
    outer = {"SLIMGATE_LISTEN": "0.0.0.0:80", "PATH": "/bin", "NO_PROXY": "example.org"}
    expected = {
        "PATH": "/bin",
        "NO_PROXY": "example.org,127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
    assert processes.environment(outer) == expected


def test_taken_ports_are_noticed() -> None:
    """A port is free until a server listens on it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not processes.is_free("127.0.0.1", port)
    assert processes.is_free("127.0.0.1", port)


def test_foreign_addresses_are_errors() -> None:
    """An address of another machine is not called taken."""
    with pytest.raises(OSError, match=os.strerror(99)):
        processes.is_free("192.0.2.1", 9000)  # RFC 5737: for documentation, nobody's
