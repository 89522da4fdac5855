"""Keep memory that is used again and again, and look for garbage where there can be some.

Pieces of bodies come and go by the thousand. glibc gives large blocks back to the kernel when they
are freed, and takes fresh pages, zeroed one by one, for the next: for a streaming proxy that is
half of the work. See mallopt(3).
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


def keep_freed_memory() -> bool:
    """Tell the allocator to keep up to 64 MiB of freed memory for this process.

    Returns:
        Whether the allocator was told: others than glibc's have no such call, and need none.
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
    """Leave everything that exists now out of all further searches for garbage.

    Modules and configuration are some 150,000 objects that live as long as the process. A full
    collection would visit each of them, which takes the event loop 50 ms and more at a time.
    """
    gc.collect()
    gc.freeze()
