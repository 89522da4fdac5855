"""Real Redis servers in processes of their own, which tests may stop, freeze and start again."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.server import answers, free_port, running, wait_until


def missing() -> bool:
    """Return whether redis-server is not installed."""
    return shutil.which("redis-server") is None


class RedisServer:
    """Run Redis from ``with`` to the end of its block, always on the same port.

    Args:
        directory: Folder for its log.
        options: More words of its command line.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        self._directory = directory
        self._options = options
        self.port = free_port()
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return its URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.thaw()
        self._stack.close()

    def start(self) -> None:
        """Start it, empty."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        kept = ["--save", "", "--appendonly", "no", "--dir", str(self._directory)]
        self._process = self._stack.enter_context(
            running([*command, *kept, *self._options], self._directory / "redis.log")
        )
        wait_until(lambda: answers(self.port), "the start of Redis")

    def stop(self) -> None:
        """End it."""
        self._stack.close()

    def restart(self) -> None:
        """End it and start it again, empty."""
        self.stop()
        self.start()

    def ask(self, *words: str) -> str:
        """Send a command by redis-cli, and return its output."""
        command = ["redis-cli", "-p", str(self.port), *words]
        done = subprocess.run(command, capture_output=True, timeout=20, check=True, text=True)
        return done.stdout.strip()

    def freeze(self) -> None:
        """Let it answer nothing while connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


@contextmanager
def sentinel(directory: Path) -> Iterator[tuple[str, RedisServer]]:
    """Run Redis and a Sentinel that watches it; yield the URL and the server."""
    port, file = free_port(), directory / "sentinel.conf"
    with RedisServer(directory) as server:
        file.write_text(f"port {port}\nsentinel monitor main 127.0.0.1 {server.port} 1\n")
        command = ["redis-server", str(file), "--sentinel", "--bind", "127.0.0.1"]
        with running(command, directory / "sentinel.log"):
            wait_until(lambda: answers(port), "the start of Sentinel")
            yield f"redis+sentinel://127.0.0.1:{port}/main/0", server


@contextmanager
def cluster(directory: Path) -> Iterator[tuple[str, list[RedisServer]]]:
    """Run a cluster of three nodes; yield the URL and the nodes."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(_node(directory / str(number))) for number in range(3)]
        for number, node in enumerate(nodes):
            first, last = 16384 * number // 3, 16384 * (number + 1) // 3 - 1
            node.ask("cluster", "addslotsrange", str(first), str(last))
            node.ask("cluster", "set-config-epoch", str(number + 1))
        for node in nodes[1:]:
            bus = nodes[0].ask("config", "get", "cluster-port").split()[-1]
            node.ask("cluster", "meet", "127.0.0.1", str(nodes[0].port), bus)
        for node in nodes:
            wait_until(lambda node=node: _joined(node), "the forming of the cluster")  # type: ignore[misc]
        yield "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes), nodes


def _node(directory: Path) -> RedisServer:
    directory.mkdir()
    return RedisServer(directory, "--cluster-enabled", "yes", "--cluster-port", str(free_port()))


def _joined(node: RedisServer) -> bool:
    said = node.ask("cluster", "info")
    return "cluster_state:ok" in said and "cluster_known_nodes:3" in said
