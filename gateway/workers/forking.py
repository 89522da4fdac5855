"""Ask the fork server for workers; it starts on first use, once for a process, and when lost.

Importing takes it more than a second; a worker then takes milliseconds.
"""

import atexit
import functools
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Final, NamedTuple

from slimgate.gateway.workers.fork_server import REQUEST
from slimgate.gateway.workers.watchdog import StackDump

_KEPT: Final = frozenset(
    {"LANG", "LD_LIBRARY_PATH", "LD_PRELOAD", "PATH", "TESSDATA_PREFIX", "TMPDIR", "TZ"}
)
_KEPT_PREFIXES: Final = ("LC_", "MALLOC_", "OPENCV_", "PYTHON")
_ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""There is one worker per core, and one more thread per core of each would only compete."""


class Handles(NamedTuple):
    """The gateway's ends of a worker.

    Attributes:
        connection: A stream socket to it, not blocking.
        lifeline: Tells its number and its exit code; closing it kills the worker.
        words: Gets what it writes when a signal ends it.
    """

    connection: socket.socket
    lifeline: socket.socket
    words: StackDump


class Forking:
    """The fork server of a process; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    def close(self) -> None:
        """End the fork server and its workers; the next worker starts another one."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def worker(self) -> Handles:
        """Start a worker, which waits for its first message.

        Raises:
            OSError: Processes or file descriptors are short.
        """
        ours, theirs = socket.socketpair()
        lifeline, end = socket.socketpair()
        words = StackDump()
        with theirs, end:
            ours.setblocking(False)
            lifeline.setblocking(False)
            self._request([theirs.fileno(), end.fileno(), words.number])
        return Handles(ours, lifeline, words)

    def _request(self, handles: list[int]) -> None:
        with self._lock:
            try:
                socket.send_fds(self._opened(), [REQUEST], handles)
            except ConnectionError:  # it was lost: another one can
                self._close()
                socket.send_fds(self._opened(), [REQUEST], handles)

    def _opened(self) -> socket.socket:
        if self._control is None:
            self._control, end = socket.socketpair()
            with end:
                # It ends when this process does, which it sees by its standard input.
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "slimgate.gateway.workers.fork_server"],
                    stdin=end.fileno(),
                    env=clean_environment(os.environ),
                    process_group=0,  # Ctrl-C must reach only the gateway
                )
        return self._control


@functools.cache
def forking() -> Forking:
    """Return the fork server of this process."""
    return Forking()


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that workers have: nothing that may be a secret.

    Args:
        environ: Variables of the gateway.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
    return kept | _ONE_THREAD
