"""Privileges: a worker of root becomes a user of its own, and no worker can gain any."""

import ctypes
import os
import resource
import signal
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from slimgate.gateway.workers.sandbox.kernel import Unsupported, prctl

USER: Final = 65533
"""User and group of workers of root; neither distributions nor systemd give it to anything
(https://systemd.io/UIDS-GIDS)."""

_SET_PDEATHSIG: Final = 1
_SET_DUMPABLE: Final = 4
_SET_NO_NEW_PRIVS: Final = 38
_CAP_AMBIENT: Final = 47
_CAP_AMBIENT_CLEAR_ALL: Final = 4
_CAPABILITY_VERSION_3: Final = 0x20080522

_MAX_PROCESSES: Final = 2048
"""Of the user of workers, in all gateways of a machine; threads and programs that read text are
among them."""

_MAX_FILES: Final = 64
MAX_WRITTEN: Final = 1 << 16
"""Bytes that a worker can write to a file; it has only one, for its last words."""


def lower_limits() -> None:
    """Limit files and processes; call it before :func:`become_nobody`.

    The limit of a user's processes, which counts threads, only applies to workers of root, which
    have a user of their own.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MAX_FILES, _MAX_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_WRITTEN, MAX_WRITTEN))
    if os.geteuid() == 0:
        resource.setrlimit(resource.RLIMIT_NPROC, (_MAX_PROCESSES, _MAX_PROCESSES))


def become_nobody(needed: Iterable[Path]) -> None:
    """Become the user of workers, if this process is root.

    Args:
        needed: Folders that have to be readable afterwards.

    Raises:
        Unsupported: That user could not read one of them, or this container does not have it.
    """
    if os.geteuid() != 0:
        return
    for folder in needed:
        if hidden := _hidden_part(folder):
            raise Unsupported(f"other users cannot read {hidden}")
    try:
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
    except OSError as error:
        raise Unsupported(f"user {USER}: {error.strerror}") from error


def _hidden_part(folder: Path) -> Path | None:
    """Return the folder on a path that others cannot enter, or the path if they cannot read it."""
    for each in (*reversed(folder.parents), folder):
        wanted = 0o5 if each == folder else 0o1
        if each.exists() and each.stat().st_mode & wanted != wanted:
            return each
    return None


def drop_capabilities() -> None:
    """Give up all capabilities, such as that to bind low ports, and the way to regain them.

    No other process can trace it any more.

    Raises:
        Unsupported: The kernel refused.
    """
    prctl("no new privileges", _SET_NO_NEW_PRIVS, 1)
    prctl("ambient capabilities", _CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL)
    if _has_capabilities():  # systemd denies the call where there are none
        head = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
        nothing = bytes(24)  # effective, permitted and inheritable, twice 32 bits each
        if ctypes.CDLL(None, use_errno=True).capset(head, nothing) < 0:
            raise Unsupported(ctypes.get_errno(), "capabilities cannot be dropped")
    prctl("no tracing", _SET_DUMPABLE, 0)


def _has_capabilities() -> bool:
    lines = Path("/proc/self/status").read_text().splitlines()
    sets = [line.split()[1] for line in lines if line.startswith(("CapInh", "CapPrm", "CapEff"))]
    return any(int(each, 16) for each in sets)


def end_with_parent(parent: int) -> None:
    """Be killed when the parent ends; call it again after a change of user, which undoes it.

    Args:
        parent: Number of the parent; if it has ended, so does this process.

    Raises:
        Unsupported: The kernel refused.
    """
    prctl("end with the parent", _SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
