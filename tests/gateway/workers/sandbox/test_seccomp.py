"""Run the filter of system calls as the kernel would, for both processors."""

import errno
import os
import signal
import struct
from typing import Final

import pytest

from slimgate.gateway.workers.sandbox import seccomp, system_calls
from slimgate.gateway.workers.sandbox.system_calls import AARCH64, X86_64

_ARCHITECTURES: Final = {X86_64: 0xC000003E, AARCH64: 0xC00000B7}
_PID: Final = 4711
_ALLOWED: Final = "allowed"
_UNKNOWN: Final = errno.errorcode[errno.ENOSYS]
_DENIED: Final = errno.errorcode[errno.EPERM]


def _verdict(machine: str, number: int, *arguments: int, programs: bool = False) -> str:
    """Interpret the filter, in the few instructions that it uses."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number, _ARCHITECTURES[machine], 0, *padded)
    filter_ = seccomp.filter_for(machine, _PID, programs=programs)
    at, value = 0, 0
    while True:
        code, if_true, if_false, constant = filter_[at]
        at += 1
        match code:
            case 0x20:
                (value,) = struct.unpack_from("<I", data, constant)
            case 0x54:
                value &= constant
            case 0x15:
                at += if_true if value == constant else if_false
            case 0x35:
                at += if_true if value >= constant else if_false
            case _:
                return _ALLOWED if constant == 0x7FFF0000 else errno.errorcode[constant & 0xFFFF]


@pytest.mark.parametrize("machine", [X86_64, AARCH64])
def test_only_named_calls_are_permitted(machine: str) -> None:
    """Of all numbers, those of calls that need no argument pass, whatever follows them."""
    named = {
        call.x86_64 if machine == X86_64 else call.aarch64
        for call in system_calls.WORKING.values()
        if call.argument is None
    }
    allowed = {each for each in range(600) if _verdict(machine, each, 1, 1, 1) == _ALLOWED}
    assert allowed == named - {None}


@pytest.mark.parametrize(("machine", "openat", "kill"), [(X86_64, 257, 62), (AARCH64, 56, 129)])
def test_arguments_decide(machine: str, openat: int, kill: int) -> None:
    """Files open for reading only, and signals go to the process itself only."""
    created = os.O_WRONLY | os.O_CREAT
    assert [
        _verdict(machine, openat, 0, 0, os.O_RDONLY | os.O_CLOEXEC),
        _verdict(machine, openat, 0, 0, os.O_RDWR),
        _verdict(machine, openat, 0, 0, created),
        _verdict(machine, openat, 0, 0, os.O_TRUNC),
        _verdict(machine, kill, _PID, 6),
        _verdict(machine, kill, 1, 6),
        _verdict(machine, kill, 1, 6, programs=True),
    ] == [_ALLOWED, _DENIED, _DENIED, _DENIED, _ALLOWED, _DENIED, _ALLOWED]


@pytest.mark.parametrize(("machine", "clone"), [(X86_64, 56), (AARCH64, 220)])
def test_threads_start_and_processes_do_not(machine: str, clone: int) -> None:
    """clone(2) is permitted for what glibc and musl start threads with, without new namespaces."""
    of_glibc, of_musl, new_user = 0x3D0F00, 0x7D0F00, 0x10000000
    assert [
        _verdict(machine, clone, of_glibc),
        _verdict(machine, clone, of_musl),
        _verdict(machine, clone, signal.SIGCHLD),
        _verdict(machine, clone, of_glibc & ~0x10000),
        _verdict(machine, clone, of_glibc | new_user),
        _verdict(machine, clone, signal.SIGCHLD, programs=True),
    ] == [_ALLOWED, _ALLOWED, _DENIED, _DENIED, _DENIED, _ALLOWED]


@pytest.mark.parametrize("machine", [X86_64, AARCH64])
def test_newer_calls_are_unknown(machine: str) -> None:
    """Libraries fall back from calls that this list is too old for, and from clone3."""
    assert _verdict(machine, system_calls.NEWEST + 1) == _UNKNOWN
    assert _verdict(machine, 435) == _UNKNOWN
    assert _verdict(machine, system_calls.NEWEST) == _DENIED


def test_the_other_interface_of_a_processor_is_denied() -> None:
    """Calls of x32 have other numbers, none of which passes."""
    assert _verdict(X86_64, 0x40000000) == _DENIED
