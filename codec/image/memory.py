"""Detect memory exhaustion, and let libraries reserve memory that they never use.

A process at its memory limit fails with the message of whichever library allocated.
"""

import contextlib
import errno
import functools
import os
import resource
from collections.abc import Iterator
from typing import Final

import cv2

_PAGE: Final = resource.getpagesize()

_CV2_NO_MEMORY: Final = -4  # OpenCV's cv::Error::StsNoMem

# Messages of failed allocations: libavif, libjpeg, libpng, libwebp, Pillow, OpenCV, zlib
# ("Error -4"), NumPy, libjxl (JXL_ENC_ERR_OOM), glibc (strerror of ENOMEM).
_PHRASES: Final = (
    "out of memory",
    "outofmemory",
    "out_of_memory",
    "err_oom",
    "insufficient memory",
    "not enough memory",
    "cannot allocate",
    "unable to allocate",
    "allocation failed",
    "failed to allocate",
    "memory allocation",
    "memory error",
    "error -4 ",
)


class OutOfMemory(Exception):
    """The process ran out of memory; the file may be fine."""


def is_exhausted(error: BaseException) -> bool:
    """Return whether an error, or its cause, is a failed allocation.

    Some libraries report it as a broken file: see :func:`left` for those.
    """
    seen: set[int] = set()
    queue: list[BaseException | None] = [error]
    while queue:
        each = queue.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        if _says_so(each):
            return True
        queue += [each.__cause__, each.__context__]
    return False


def _says_so(error: BaseException) -> bool:
    if isinstance(error, MemoryError | OutOfMemory):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    if isinstance(error, cv2.error) and getattr(error, "code", None) == _CV2_NO_MEMORY:
        return True
    text = f"{error} ".lower()
    return any(phrase in text for phrase in _PHRASES)


def used() -> tuple[int, int]:
    """Return address space and resident memory of this process, in bytes."""
    pages = _read("statm").split()
    return int(pages[0]) * _PAGE, int(pages[1]) * _PAGE


def left() -> int | None:
    """Return the bytes below the limit that this process never requested; None: no limit.

    A smaller allocation cannot have failed.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else max(0, limit - _peak())


def _peak() -> int:
    for line in _read("status").splitlines():
        name, _, value = line.partition(":")
        if name == "VmPeak":
            return int(value.split()[0]) << 10
    raise RuntimeError("/proc/self/status has no VmPeak")


_MAX_STATUS: Final = 1 << 16


@functools.cache
def _opened(name: str) -> int:
    """Return a file descriptor of this process's state, which cannot be opened in a sandbox."""
    return os.open(f"/proc/self/{name}", os.O_RDONLY | os.O_CLOEXEC)


# A forked process reads its own.
os.register_at_fork(after_in_child=_opened.cache_clear)


def _read(name: str) -> str:
    return os.pread(_opened(name), _MAX_STATUS, 0).decode()


def allow(size: int) -> None:
    """Limit the address space of this process to its current size plus `size` bytes."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = used()[0] + size
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextlib.contextmanager
def reserving(times: int) -> Iterator[None]:
    """Let a library reserve several times the remaining address space.

    For libraries that touch only a known part of what they reserve.

    Args:
        times: factor, 1 or more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        yield
        return
    allow(times * max(0, soft - used()[0]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
