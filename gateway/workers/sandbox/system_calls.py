"""The system calls that decoding, encoding and restoring need, on x86-64 and on 64-bit ARM.

Found by tracing workers over all formats; the tests run all of them under this list. Numbers:
arch/x86/entry/syscalls/syscall_64.tbl and scripts/syscall.tbl of Linux.
"""

import os
from typing import Final, NamedTuple

X86_64: Final = "x86_64"
AARCH64: Final = "aarch64"

NEWEST: Final = 462
"""Newer calls than the ones named here answer that the kernel lacks them; libraries then use older
ones. Any other one is not permitted."""


class Call(NamedTuple):
    """A permitted system call.

    Attributes:
        x86_64: Its number.
        aarch64: Its number; None: 64-bit ARM has another call for that.
        argument: Index of the argument that decides; None: it is always permitted.
        mask: Bits of the argument to compare, of its lower 32.
        values: Values of these bits that are permitted.
    """

    x86_64: int
    aarch64: int | None
    argument: int | None = None
    mask: int = 0xFFFFFFFF
    values: tuple[int, ...] = ()


_FOR_WRITING: Final = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FIONBIO: Final = 0x5421
_FIOCLEX: Final = 0x5451
_FIONREAD: Final = 0x541B
_TCGETS: Final = 0x5401

_MEMORY: Final = {
    "brk": Call(12, 214),
    "madvise": Call(28, 233),
    "mincore": Call(27, 232),
    "mmap": Call(9, 222),
    "mprotect": Call(10, 226),
    "mremap": Call(25, 216),
    "munmap": Call(11, 215),
    "membarrier": Call(324, 283),
}
_FILES: Final = {
    "access": Call(21, None),
    "close": Call(3, 57),
    "close_range": Call(436, 436),
    "dup": Call(32, 23),
    "dup2": Call(33, None),
    "dup3": Call(292, 24),
    "faccessat": Call(269, 48),
    "faccessat2": Call(439, 439),
    "fadvise64": Call(221, 223),
    "fcntl": Call(72, 25),
    "fstat": Call(5, 80),
    "getcwd": Call(79, 17),
    "getdents64": Call(217, 61),
    "ioctl": Call(16, 29, 1, values=(_FIONBIO, _FIOCLEX, _FIONREAD, _TCGETS)),
    "lseek": Call(8, 62),
    "lstat": Call(6, None),
    "newfstatat": Call(262, 79),
    "open": Call(2, None, 1, _FOR_WRITING, (os.O_RDONLY,)),
    "openat": Call(257, 56, 2, _FOR_WRITING, (os.O_RDONLY,)),
    "pread64": Call(17, 67),
    "read": Call(0, 63),
    "readlink": Call(89, None),
    "readlinkat": Call(267, 78),
    "readv": Call(19, 65),
    "stat": Call(4, None),
    "statx": Call(332, 291),
    "write": Call(1, 64),
    "writev": Call(20, 66),
}
_WAITING: Final = {
    "clock_getres": Call(229, 114),
    "clock_gettime": Call(228, 113),
    "clock_nanosleep": Call(230, 115),
    "futex": Call(202, 98),
    "gettimeofday": Call(96, 169),
    "nanosleep": Call(35, 101),
    "poll": Call(7, None),
    "ppoll": Call(271, 73),
    "pselect6": Call(270, 72),
    "sched_yield": Call(24, 124),
    "select": Call(23, None),
}
_MESSAGES: Final = {  # on connections that exist: there is no socket, connect, bind or accept
    "getsockname": Call(51, 204),
    "getsockopt": Call(55, 209),
    "recvfrom": Call(45, 207),
    "recvmsg": Call(47, 212),
    "sendmsg": Call(46, 211),
    "sendto": Call(44, 206),
    "shutdown": Call(48, 210),
}
_PROCESS: Final = {
    "exit": Call(60, 93),
    "exit_group": Call(231, 94),
    "getcpu": Call(309, 168),
    "getegid": Call(108, 177),
    "geteuid": Call(107, 175),
    "getgid": Call(104, 176),
    "getpid": Call(39, 172),
    "getppid": Call(110, 173),
    "getrandom": Call(318, 278),
    "getrlimit": Call(97, 163),
    "getrusage": Call(98, 165),
    "gettid": Call(186, 178),
    "getuid": Call(102, 174),
    "prlimit64": Call(302, 261, 0, values=(0,)),  # its own
    "rseq": Call(334, 293),
    "rt_sigaction": Call(13, 134),
    "rt_sigprocmask": Call(14, 135),
    "rt_sigreturn": Call(15, 139),
    "sched_getaffinity": Call(204, 123),
    "set_robust_list": Call(273, 99),
    "setrlimit": Call(160, 164),
    "sigaltstack": Call(131, 132),
    "sysinfo": Call(99, 179),
    "uname": Call(63, 160),
}

# include/uapi/linux/sched.h
_CLONE_VM: Final = 0x100
_CLONE_SIGHAND: Final = 0x800
_CLONE_THREAD: Final = 0x10000
_CLONE_NEW: Final = 0x7E020000  # namespaces
_OF_THREADS: Final = _CLONE_VM | _CLONE_SIGHAND | _CLONE_THREAD

_THREADS: Final = {  # of the process itself, which they leave no sooner than it does
    "clone": Call(56, 220, 0, _OF_THREADS | _CLONE_NEW, (_OF_THREADS,)),
}

WORKING: Final = {**_MEMORY, **_FILES, **_WAITING, **_MESSAGES, **_PROCESS, **_THREADS}
"""What every worker needs, by name."""

TO_SELF: Final = {"kill": Call(62, 129, 0), "tgkill": Call(234, 131, 0)}
"""Permitted with the process's own number: abort(3) ends a process by a signal to itself."""

STARTING: Final = {
    "arch_prctl": Call(158, None),
    "clone": Call(56, 220),
    "execve": Call(59, 221),
    "fork": Call(57, None),
    "kill": Call(62, 129),
    "pipe": Call(22, None),
    "pipe2": Call(293, 59),
    "set_tid_address": Call(218, 96),
    "vfork": Call(58, None),
    "wait4": Call(61, 260),
    "waitid": Call(247, 95),
}
"""What starting a program, and the program, need in addition."""
