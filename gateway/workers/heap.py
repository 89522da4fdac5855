"""The heap of worker processes: keep freed memory during a job, and share it among threads.

Planes of an image come and go by the hundred; with glibc's defaults the kernel zeroes the pages of
each, which takes a third of the time of a comparison. See mallopt(3).
"""

import ctypes
import sys
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_TOP_PAD: Final = -2
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8

_WANTED: Final = {
    _M_TRIM_THRESHOLD: 256 << 20,
    _M_TOP_PAD: 16 << 20,
    _M_MMAP_THRESHOLD: 32 << 20,  # the largest value that glibc accepts
    _M_ARENA_MAX: 3,
}

RESERVED: Final = 384 << 20
"""Address space that arenas and stacks of threads reserve and hardly touch, bytes: measured with
four threads of libaom."""


def tune() -> bool:
    """Set the allocator up; return whether it supports that: only glibc's does."""
    if sys.platform != "linux" or not hasattr(library := ctypes.CDLL(None), "mallopt"):
        return False
    return all(library.mallopt(parameter, value) for parameter, value in _WANTED.items())


def trim() -> None:
    """Return freed memory to the system, with glibc."""
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)
