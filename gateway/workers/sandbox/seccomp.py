"""System calls: a filter permits those that a worker needs, and refuses all others (seccomp(2))."""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from typing import Final

from slimgate.gateway.workers.sandbox import system_calls
from slimgate.gateway.workers.sandbox.kernel import Unsupported, prctl
from slimgate.gateway.workers.sandbox.system_calls import AARCH64, X86_64, Call

_SET_SECCOMP: Final = 22  # prctl
_MODE_FILTER: Final = 2

# linux/seccomp.h, linux/audit.h
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL: Final = 0x80000000
_ARCHITECTURES: Final = {X86_64: 0xC000003E, AARCH64: 0xC00000B7}
_X32: Final = 0x40000000  # calls of another interface on x86-64

# linux/bpf_common.h
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

# struct seccomp_data: number, architecture, instruction pointer, six arguments of 64 bits.
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_ARGUMENTS: Final = 16

_CLONE3: Final = 435
"""Its arguments are in memory, where a filter cannot read them."""

Instruction = tuple[int, int, int, int]


def restrict(*, programs: bool) -> None:
    """Restrict this thread, and what it starts, to the calls of a worker, for good.

    Others fail with EPERM. The process must have given up gaining privileges.

    Args:
        programs: Allow to start programs.

    Raises:
        Unsupported: The kernel has no filters, or the processor is another one.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise Unsupported(f"there is no filter of system calls for {machine}")
    filter_ = filter_for(machine, os.getpid(), programs=programs)
    instructions = b"".join(struct.pack("=HBBI", *each) for each in filter_)
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = struct.pack("@HP", len(filter_), ctypes.addressof(buffer))
    prctl("seccomp", _SET_SECCOMP, _MODE_FILTER, ctypes.create_string_buffer(program))


def filter_for(machine: str, pid: int, *, programs: bool) -> list[Instruction]:
    """Return the filter as instructions: code, jump if true, jump if false, constant.

    Args:
        machine: Architecture, as by :func:`platform.machine`.
        pid: The process's number, for signals to itself.
        programs: Allow to start programs.
    """
    calls = {
        **{name: each._replace(values=(pid,)) for name, each in system_calls.TO_SELF.items()},
        **system_calls.WORKING,
        **(system_calls.STARTING if programs else {}),
    }
    filter_: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == X86_64:
        filter_ += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _ERRNO | errno.EPERM)]
    for call in calls.values():
        number = call.x86_64 if machine == X86_64 else call.aarch64
        if number is not None:
            filter_ += _permission(number, call)
    # Programs and libraries fall back to older calls where the kernel lacks one.
    filter_ += [
        (_EQUAL, 1, 0, _CLONE3),
        (_AT_LEAST, 0, 1, system_calls.NEWEST + 1),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
    ]
    return filter_


def _permission(number: int, call: Call) -> Iterator[Instruction]:
    """Yield the instructions that permit a call; they end the filter if it is the one."""
    if call.argument is None:
        yield (_EQUAL, 0, 1, number)
        yield (_RETURN, 0, 0, _ALLOW)
        return
    decided = 2 + 2 * len(call.values) + 1
    yield (_EQUAL, 0, decided, number)
    yield (_LOAD, 0, 0, _ARGUMENTS + 8 * call.argument)  # its lower half: both are little-endian
    yield (_AND, 0, 0, call.mask)
    for value in call.values:
        yield (_EQUAL, 0, 1, value)
        yield (_RETURN, 0, 0, _ALLOW)
    yield (_RETURN, 0, 0, _ERRNO | errno.EPERM)


__all__ = ["Unsupported", "filter_for", "restrict"]
