"""Fork workers from a process that has imported all they need, and holds no secrets.

The gateway runs this module. Each byte on standard input, a socket, comes with three file
descriptors and asks for a worker: its end of the connection to the gateway, a lifeline, and a file
for its last words. On the lifeline the gateway gets the worker's number and later its exit code;
when the gateway closes it, the worker is killed. Everything ends with the gateway.
"""

import contextlib
import gc
import os
import selectors
import signal
import socket
import struct
import sys
import traceback
from types import FrameType
from typing import Final

from slimgate.gateway.workers import worker_main
from slimgate.gateway.workers.sandbox import privileges
from slimgate.gateway.workers.sandbox.kernel import IS_LINUX

REQUEST: Final = b"w"
NUMBER: Final = struct.Struct("!i")
"""A process number, or an exit code; negative: the signal that ended it."""

_HANDLES: Final = 3
_CONNECTION: Final = 3
"""File descriptor of the connection in a worker; those above are closed."""


class ForkServer:
    """Forks workers, kills them on request, and tells how they ended.

    Args:
        control: A stream socket to the gateway.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._lifelines: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()

    def serve(self) -> None:
        """Serve until the gateway ends."""
        for each in (self._woken, self._waker):
            each.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _wake)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._selector.register(self._control, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in self._selector.select()]
            if self._woken in ready:
                self._woken.recv(1 << 12)
                self._reap()
            for pid, lifeline in self._lifelines.items():
                if lifeline in ready:
                    self._kill(pid, lifeline)
            if self._control in ready and not self._accept():
                break
        for pid in self._lifelines:
            os.kill(pid, signal.SIGKILL)

    def _accept(self) -> bool:
        """Fork a worker; return whether there was a request."""
        request, handles, _, _ = socket.recv_fds(self._control, 1, _HANDLES)
        if not request:
            return False
        connection, lifeline, words = handles
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, lifeline)
        opened.setblocking(False)
        parent, pid = os.getpid(), None
        try:
            pid = os.fork()
        except OSError as error:  # processes or memory are short: other workers go on
            with contextlib.suppress(OSError):
                os.write(words, f"no process for a worker: {error}\n".encode())
        if pid == 0:
            _become_worker(parent, connection, words)
        os.close(connection)
        os.close(words)
        if pid is None:
            opened.close()
            return True
        self._lifelines[pid] = opened
        self._selector.register(opened, selectors.EVENT_READ)
        _tell(opened, pid)
        return True

    def _kill(self, pid: int, lifeline: socket.socket) -> None:
        """Kill a worker whose lifeline the gateway has closed; it is told the exit code later."""
        self._selector.unregister(lifeline)
        os.kill(pid, signal.SIGKILL)  # it was not waited for: the number is still its own

    def _reap(self) -> None:
        """Report the workers that have ended."""
        while self._lifelines:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            lifeline = self._lifelines.pop(pid)
            if lifeline.fileno() in self._selector.get_map():
                self._selector.unregister(lifeline)
            _tell(lifeline, os.waitstatus_to_exitcode(status))
            lifeline.close()


def _tell(lifeline: socket.socket, number: int) -> None:
    try:
        lifeline.send(NUMBER.pack(number))
    except ConnectionError:
        return  # the gateway does not want to know


def _wake(_: int, __: FrameType | None) -> None:
    """Let the signal interrupt the selector."""


def _become_worker(parent: int, connection: int, words: int) -> None:
    """Work in a forked process, and end it."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if IS_LINUX:
            privileges.end_with_parent(parent)
        null = os.open(os.devnull, os.O_RDWR)
        kept = os.dup(connection)
        for source, target in ((null, 0), (null, 1), (words, 2), (kept, _CONNECTION)):
            os.dup2(source, target, inheritable=target < _CONNECTION)
        os.closerange(_CONNECTION + 1, os.sysconf("SC_OPEN_MAX"))
        worker_main.work(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, _CONNECTION))
        code = 0
    except BaseException:  # noqa: BLE001  # nothing may return into the fork server
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Run the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.collect()
    gc.freeze()  # imported objects stay: later collections, in workers too, skip them
    ForkServer(socket.socket(fileno=0)).serve()


if __name__ == "__main__":
    main()
