"""Run servers in the background: wait until they are ready, and always stop them."""

import errno
import os
import signal
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Final, NoReturn, Self

_TAIL_LINES: Final = 12
_MAX_LINE: Final = 1 << 16
_STOP_TIMEOUT_S: Final = 10.0
_LOOPBACK: Final = "127.0.0.1,localhost"

LineReader = Callable[[str], None]


class StartFailed(Exception):
    """A server did not start; the message ends with the last lines of its log."""


class Server:
    """A program in its own process group, with its standard error read line by line.

    Ctrl-C in the terminal reaches only this process, which then stops its servers in order.

    Args:
        command: program and arguments.
        ready: returns the address from the line that announces it, None for other lines.
        on_line: receives each later line in a separate thread; must not raise.
        environ: environment; see :func:`environment`.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        ready: Callable[[str], str | None],
        on_line: LineReader | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._name = " ".join(command[1:3])
        self._ready = ready
        self._on_line = on_line
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._address: str | None = None
        self._decided = threading.Event()
        self.process = subprocess.Popen(  # noqa: S603  # our own command, without a shell
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(os.environ) if environ is None else dict(environ),
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def address(self, timeout_s: float) -> str:
        """Wait until the server answers, and return its address as HOST:PORT.

        Raises:
            StartFailed: the server exited, or was not ready in time.
        """
        self._decided.wait(timeout_s)
        if self._address is None:
            log = "\n".join(self._tail) or "(empty log)"
            raise StartFailed(f"{self._name} did not start within {timeout_s:.0f} s:\n{log}")
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout_s).close()
        except OSError as error:
            raise StartFailed(f"{self._name} does not answer on {self._address}") from error
        return self._address

    def stop(self) -> None:
        """Stop the process; kill it and its children if it does not exit in time."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._reader.join(_STOP_TIMEOUT_S)
        if self.process.stderr is not None and not self._reader.is_alive():
            self.process.stderr.close()

    def _read(self) -> None:
        stream: IO[str] | None = self.process.stderr
        while stream is not None and (line := stream.readline(_MAX_LINE)):
            self._tail.append(line.rstrip())
            if self._decided.is_set():
                if self._on_line is not None:
                    self._on_line(line.rstrip())
            elif (address := self._ready(line)) is not None:
                self._address = address
                self._decided.set()
        self._decided.set()


def end_in_order() -> None:
    """Turn SIGINT and SIGTERM into KeyboardInterrupt, even where a shell ignores them.

    It is raised once: a second signal must not interrupt the clean-up.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(number: int, _: object) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def environment(outer: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without variables that affect a local server.

    Removes settings of other gateways and proxies for loopback addresses.
    """
    kept = {name: value for name, value in outer.items() if not name.startswith("SLIMGATE_")}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(part for part in (kept.get(name, ""), _LOOPBACK) if part)
    return kept


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen on the port now.

    Raises:
        OSError: the address is not local, or the port needs more privileges.
    """
    family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        # As servers do: recently closed connections do not block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True
