"""What a decoder tries that an image has taken over: run by the tests, confined or not.

Prints the names of what succeeded, as JSON. The first argument says whether to confine, the second
is a folder with a file, a Unix socket and a TCP port to reach.
"""

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from slimgate import gateway
from slimgate.gateway.workers.sandbox.confine import confine

_PTRACE_SEIZE: Final = 0x4206
_UNSHARE_USER: Final = 0x10000000
_X32: Final = 0x40000000
_CALLS: Final = {  # on x86-64 and on 64-bit ARM
    "unshare": (272, 97, _UNSHARE_USER),
    "io_uring_setup": (425, 425, 1),
    "bpf": (321, 280, 0),
    "keyctl": (250, 219, 0),
    "clone": (56, 220, signal.SIGCHLD),
    "clone3": (435, 435, 0),
    "execveat": (322, 281, 0),
    "open of another interface": (_X32 | 2, 1, 0),
}

_libc: Final = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: int) -> None:
    if _libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _of_libc(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def _read_memory(pid: int, address: int) -> None:
    """Read memory of another process by its file in /proc."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        memory.read(1)


def _connect(address: str | tuple[str, int]) -> None:
    family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    with socket.socket(family) as opened:
        opened.connect(address)


def _fork() -> None:
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _map_start(pid: int) -> int:
    return int(Path(f"/proc/{pid}/maps").read_text().split("-")[0], 16)


def attacks(folder: Path, victim: int) -> dict[str, Callable[[], object]]:
    """Return what to try, by name; each raises OSError if it is refused.

    Args:
        folder: Where there is something to reach.
        victim: Number of another process of the same user.
    """
    code = Path(gateway.__path__[0], "__init__.py")
    return {
        "connect by TCP": lambda: _connect(("127.0.0.1", int((folder / "port").read_text()))),
        "connect to a Unix socket": lambda: _connect(str(folder / "socket")),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)).close(),
        "resolve a name by UDP": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
        "read a file": (folder / "file").read_bytes,
        "read /etc/passwd": Path("/etc/passwd").read_bytes,
        "list a folder": lambda: list(folder.iterdir()),
        "write a file": lambda: (folder / "new").write_bytes(b"new"),
        "append to code": lambda: code.open("ab").close(),
        "make a folder": (folder / "made").mkdir,
        "link": lambda: (folder / "link").symlink_to("file"),
        "rename": lambda: (folder / "file").rename(folder / "file"),
        "change permissions": lambda: (folder / "file").chmod(0o644),
        "read an environment": Path(f"/proc/{victim}/environ").read_bytes,
        "read memory": lambda: _read_memory(victim, _map_start(victim)),
        "trace": lambda: _of_libc("ptrace", _PTRACE_SEIZE, victim, None, None),
        "signal": lambda: os.kill(victim, signal.SIGCONT),
        "fork": _fork,
        "start a program": lambda: subprocess.run(["/bin/true"], check=True),
        "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_NPROC, (9999, 9999)),
        "become root": lambda: os.setuid(0),
    }


def main(confined: str, folder: str) -> None:
    """Try everything."""
    arm = os.uname().machine == "aarch64"
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as victim:
        tried = attacks(Path(folder), victim.pid)
        if confined != "no":
            confine(programs=confined == "programs")
            calls = {name: (arguments[arm], *arguments[2:]) for name, arguments in _CALLS.items()}
            tried |= {name: lambda it=it: _call(*it) for name, it in calls.items()}  # type: ignore[misc]
        succeeded = [name for name, attempt in tried.items() if _succeeds(attempt)]
        os.write(1, json.dumps(succeeded).encode())
        os._exit(0)  # a confined process could not even wait for its child


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, ValueError):  # the latter from setrlimit
        return False
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
