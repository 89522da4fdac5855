"""Tune memory management: keep freed memory, and collect less often, and only new objects.

A proxy allocates and frees pieces of bodies by the thousand. glibc returns large blocks to the
kernel and fetches zeroed pages for the next ones, which costs a streaming proxy half of its time.
See mallopt(3).
"""

import ctypes
import gc
import sys
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_TOP_PAD: Final = -2
_M_MMAP_THRESHOLD: Final = -3

_KEPT_BYTES: Final = 64 << 20
_PADDING_BYTES: Final = 16 << 20
_LARGEST_BYTES: Final = 32 << 20  # the largest value that glibc accepts

_NEW_OBJECTS: Final = 5_000
"""Objects between two collections: 32 concurrent requests have more than Python's 700."""


def keep_freed_memory() -> bool:
    """Keep up to 64 MiB of freed memory in this process.

    Returns:
        Whether the allocator supports it: only glibc's does, and only glibc's needs it.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    wanted = {
        _M_TRIM_THRESHOLD: _KEPT_BYTES,
        _M_TOP_PAD: _PADDING_BYTES,
        _M_MMAP_THRESHOLD: _LARGEST_BYTES,
    }
    return all(mallopt(parameter, value) for parameter, value in wanted.items())


def freeze_loaded_objects() -> None:
    """Exclude all existing objects from garbage collection, which then costs little.

    Modules and configuration are some 150,000 objects that live as long as the process. A full
    collection would visit all of them and block the event loop for 50 ms or more. What a request
    creates is freed without collections.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
