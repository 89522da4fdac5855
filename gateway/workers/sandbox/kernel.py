"""Call the kernel where the standard library has no function for it; Linux only."""

import ctypes
import functools
import os
import sys
from typing import Final

IS_LINUX: Final = sys.platform == "linux"


class Unsupported(OSError):
    """The kernel does not have, or does not permit, a part of the sandbox; the message says why."""


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def call(what: str, number: int, *arguments: "int | ctypes.Array[ctypes.c_char]") -> int:
    """Call the kernel by number, and return the result.

    Args:
        what: What it is for, for the message of the error.
        number: Number of the system call.
        arguments: Integers, or buffers, which are passed by their address.

    Raises:
        Unsupported: The kernel refused.
    """
    return _checked(what, _libc().syscall(ctypes.c_long(number), *map(_argument, arguments)))


def prctl(what: str, option: int, *arguments: "int | ctypes.Array[ctypes.c_char]") -> int:
    """Set an attribute of this process, and return the result (prctl(2)).

    Raises:
        Unsupported: The kernel refused.
    """
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return _checked(what, _libc().prctl(ctypes.c_int(option), *map(_argument, padded)))


def _argument(value: "int | ctypes.Array[ctypes.c_char]") -> object:
    return ctypes.c_ulong(value) if isinstance(value, int) else value


def _checked(what: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise Unsupported(number, f"{what}: {os.strerror(number)}")
    return result
