"""Run servers in the background: know when they are ready, and leave none behind."""

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
    """A server did not get ready; the message ends with the last lines of its log."""


class Server:
    """A program in a process group of its own, its standard error read line by line.

    A Ctrl-C in the terminal reaches only this process, which then stops its servers one by one.

    Args:
        command: The program and its arguments.
        ready: Gives the address from the line that announces it, None for every other line.
        on_line: Gets each later line, in a thread of its own; it must not raise.
        environ: The environment; see :func:`environment`.
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
        """Wait until the server answers, and give its address as HOST:PORT.

        Raises:
            StartFailed: It ended, or was not ready in time.
        """
        self._decided.wait(timeout_s)
        if self._address is None:
            log = "\n".join(self._tail) or "(nothing in its log)"
            raise StartFailed(f"{self._name} did not start within {timeout_s:.0f} s:\n{log}")
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout_s).close()
        except OSError as error:
            raise StartFailed(f"{self._name} does not answer on {self._address}") from error
        return self._address

    def stop(self) -> None:
        """End the process; by force, with all that it started, when it does not end by itself."""
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
    """Turn SIGINT and SIGTERM into a KeyboardInterrupt, also where a shell had them ignored.

    It comes once: a second signal must not cut short what has to be done at the end.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(number: int, _: object) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def environment(outer: Mapping[str, str]) -> dict[str, str]:
    """Take from an environment what would change how a local server behaves.

    Settings of another gateway are left out, and no proxy stands before loopback addresses.
    """
    kept = {name: value for name, value in outer.items() if not name.startswith("SLIMGATE_")}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(part for part in (kept.get(name, ""), _LOOPBACK) if part)
    return kept


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen there now.

    Raises:
        OSError: The address is not one of this machine, or the port needs more rights.
    """
    family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        # As servers do: connections that have just been closed do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True
