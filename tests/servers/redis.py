"""A real Redis in a process of its own, which tests may stop, freeze and start again."""

import shutil
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.server import answers, free_port, running, wait_until


def missing() -> bool:
    """Tell whether redis-server is not installed."""
    return shutil.which("redis-server") is None


class RedisServer:
    """Run Redis from ``with`` to the end of its block, always on the same port.

    Args:
        directory: Folder for its log.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Give its URL."""
        return f"redis://127.0.0.1:{self._port}/0"

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
        command = ["redis-server", "--port", str(self._port), "--bind", "127.0.0.1"]
        kept = ["--save", "", "--appendonly", "no", "--dir", str(self._directory)]
        self._process = self._stack.enter_context(
            running([*command, *kept], self._directory / "redis.log")
        )
        wait_until(lambda: answers(self._port), "the start of Redis")

    def stop(self) -> None:
        """End it."""
        self._stack.close()

    def freeze(self) -> None:
        """Let it answer nothing while connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
