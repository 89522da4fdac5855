"""Files: Landlock leaves a process nothing but reading the folders that it names (landlock(7))."""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from slimgate.gateway.workers.sandbox.kernel import Unsupported, call

# The same numbers on all architectures.
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PATH_BENEATH: Final = 1  # LANDLOCK_RULE_PATH_BENEATH

_EXECUTE: Final = 1 << 0
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_OF_FILES: Final = _EXECUTE | _READ_FILE

# include/uapi/linux/landlock.h: rights to files by version, of which there are 13 at first.
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS_NOW: Final = 16
_TCP: Final = 0b11  # bind and connect, from version 4
_SCOPES: Final = 0b11  # abstract Unix sockets and signals, from version 6


def version() -> int:
    """Return the version of the kernel's Landlock, 1 or more.

    Raises:
        Unsupported: The kernel has none: it is older than 5.13, or built or started without.
    """
    return call("Landlock", _CREATE_RULESET, 0, 0, _VERSION)


def restrict(readable: Iterable[Path], executable: Iterable[Path] = ()) -> None:
    """Restrict this thread, and what it starts, to reading files in some folders, for good.

    Open files stay open. Where the kernel can, it also denies TCP, abstract Unix sockets of others,
    signals to others, and reading the memory and environment of others.

    Args:
        readable: Files and folders that may be read; those that do not exist are left out.
        executable: The same, for files that may be read and executed.

    Raises:
        Unsupported: The kernel has no Landlock, or does not permit it.
    """
    rights = (1 << _FILE_RIGHTS.get(version(), _FILE_RIGHTS_NOW)) - 1
    ruleset = _created(rights)
    try:
        for path in readable:
            _allow(ruleset, path, _READ_FILE | _READ_DIR)
        for path in executable:
            _allow(ruleset, path, _READ_FILE | _READ_DIR | _EXECUTE)
        call("Landlock", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _created(file_rights: int) -> int:
    """Return the file descriptor of a new set of rules."""
    number = version()
    words = [file_rights, *([_TCP] if number >= 4 else []), *([_SCOPES] if number >= 6 else [])]
    rules = struct.pack(f"{len(words)}Q", *words)
    buffer = ctypes.create_string_buffer(rules, len(rules))
    return call("Landlock", _CREATE_RULESET, buffer, len(rules), 0)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        return  # what cannot be reached needs no rule
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, opened)
        buffer = ctypes.create_string_buffer(rule, len(rule))
        call(f"Landlock for {path}", _ADD_RULE, ruleset, _PATH_BENEATH, buffer, 0)
    finally:
        os.close(opened)


__all__ = ["Unsupported", "restrict", "version"]
