"""The gateway as a process of its own, with what a test wants to know of it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil
import yaml

from tests.servers.server import S3Server

_START_S: Final = 90.0
_STOP_S: Final = 30.0

LogLine = dict[str, Any]


def configuration(upstream: S3Server, **changes: object) -> dict[str, Any]:
    """Make a configuration: images are small in ``photos*`` and ``pages*``, watched in ``shadow*``.

    Browsers get renditions from ``pages*``.

    Args:
        upstream: The server behind the gateway.
        changes: Sections that replace those of the same name.
    """
    return {
        "listen": "127.0.0.1:0",
        "domains": ["localhost"],
        "upstream": {"endpoint": upstream.endpoint, "connect_timeout_s": 2, "read_timeout_s": 20},
        "credentials": [
            {"access_key": keys.access, "secret_key": keys.secret} for keys in upstream.users
        ],
        "index": {"kind": "memory"},
        "policies": [
            {
                "name": "photos",
                "bucket": "photos*",
                "mode": "optimize",
                "effort": "fast",
                "anonymous": True,
            },
            {
                "name": "shadow",
                "bucket": "shadow*",
                "mode": "shadow",
                "effort": "fast",
                "anonymous": True,
            },
            {
                "name": "pages",
                "bucket": "pages*",
                "mode": "optimize",
                "effort": "fast",
                "serve": {"negotiate": ["avif", "jxl", "webp"]},
                "anonymous": True,
            },
        ],
        **changes,
    }


def environment() -> dict[str, str]:
    """Return the environment without what would configure the gateway or a client."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SLIMGATE_", "AWS_", "S3_"))
    }


class GatewayProcess:
    """Run ``slimgate serve`` from ``with`` to the end of its block.

    At the end it gets SIGTERM and must leave with exit code 0.

    Args:
        config: The configuration; written to ``slimgate.yaml`` as YAML.
        directory: Where that file goes.
        program: How ``slimgate`` is started.
        folder: Working directory; None: that of the tests.
        environ: More environment variables.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        directory: Path,
        *,
        program: Sequence[str] = (sys.executable, "-m", "slimgate"),
        folder: Path | None = None,
        environ: Mapping[str, str] = {},
    ) -> None:
        self._program = program
        self._folder = folder
        # A queue of its own; another gateway with the same directory goes on with it.
        state = {"XDG_STATE_HOME": str(directory.resolve())}
        self._environ = {**environment(), **state, **environ}
        self.file = directory / "slimgate.yaml"
        self.configure(config)
        self._lines: list[LogLine] = []
        self._more = threading.Condition()
        self._ended = False
        self._process: subprocess.Popen[bytes] | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write a configuration."""
        self.file.write_text(yaml.safe_dump(dict(config)))

    def __enter__(self) -> Self:
        command = [*self._program, "serve", "--config", str(self.file)]
        self._process = subprocess.Popen(
            command, stderr=subprocess.PIPE, env=self._environ, cwd=self._folder
        )
        self._reader.start()
        try:
            self.wait_for("listening", timeout_s=_START_S)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(_STOP_S)
        finally:
            self._kill()
        if kind is None:
            assert code == 0, self.log

    def crash(self) -> None:
        """Kill it, and wait for its end."""
        self._kill()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """Return the process."""
        if self._process is None:
            raise RuntimeError("the gateway has not been started")
        return self._process

    @property
    def endpoint(self) -> str:
        """Return its URL."""
        return f"http://{self.wait_for('listening')['address']}"

    @property
    def log(self) -> list[LogLine]:
        """Return what it has logged so far; a line that is not JSON is ``{"text": line}``."""
        with self._more:
            return list(self._lines)

    def events(self, event: str, **fields: object) -> list[LogLine]:
        """Return the log lines of one kind that have these fields."""
        wanted = {"event": event, **fields}.items()
        return [line for line in self.log if wanted <= {k: _plain(line[k]) for k in line}.items()]

    def wait_for(self, event: str, *, timeout_s: float = 20.0, **fields: object) -> LogLine:
        """Wait for a log event, and return its first line.

        Raises:
            TimeoutError: It was not, in that time.
            RuntimeError: The gateway has ended.
        """
        deadline = time.monotonic() + timeout_s
        with self._more:
            while not (found := self.events(event, **fields)):
                if self._ended:
                    raise RuntimeError(f"the gateway has ended: {self._lines}")
                if not self._more.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"no {event!r} within {timeout_s:g} s: {self._lines}")
        return found[0]

    def children(self) -> list[psutil.Process]:
        """Return the processes that it has started, and theirs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def rss(self) -> tuple[int, int]:
        """Return the resident bytes of the gateway itself, and of it with all its children."""
        own: int = psutil.Process(self.process.pid).memory_info().rss
        return own, own + sum(map(_rss, self.children()))

    def _read(self) -> None:
        for raw in self.process.stderr or ():
            with self._more:
                self._lines.append(_parsed(raw))
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()

    def _kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(_STOP_S)
        if self.process.stderr is not None:
            self.process.stderr.close()


def _parsed(raw: bytes) -> LogLine:
    text = raw.decode(errors="replace").rstrip("\n")
    try:
        line = json.loads(text)
    except ValueError:
        return {"text": text}
    return line if isinstance(line, dict) else {"text": text}


def _plain(value: object) -> object:
    # Comparing the fields as a set needs values that can be hashed.
    return tuple(value) if isinstance(value, list) else value


def _rss(process: psutil.Process) -> int:
    try:
        resident: int = process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
    return resident
