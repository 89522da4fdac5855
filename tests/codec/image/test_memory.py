"""Want of memory is known by many names, and left to no library to call damage."""

import errno
import subprocess
import sys

import cv2
import pytest

from slimgate.codec.image import memory
from slimgate.codec.image.memory import OutOfMemory


def _cv2_error(code: int) -> cv2.error:
    error = cv2.error("OpenCV(4.12.0) alloc.cpp:73: error: (-4) Failed to allocate 300 bytes")
    error.code = code
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemory("out of memory while restoring"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        OSError("encoder error -9 when writing image file: out of memory"),
        OSError("Insufficient memory (case 4)"),
        RuntimeError("Failed to encode image: Out of memory"),
        RuntimeError("jpegxl_encode_jpeg: JXL_ENC_ERR_OOM"),
        ValueError("Unable to allocate 572. MiB for an array with shape (1, 2) and data type u1"),
        _cv2_error(-4),
    ],
)
def test_failed_allocations_are_known(error: Exception) -> None:
    """Each library's own words count, also behind another error."""
    assert memory.is_exhausted(error)
    outer = ValueError("the rendition cannot be restored")
    outer.__cause__ = error
    assert memory.is_exhausted(outer)
    outer.__cause__, outer.__context__ = None, error
    assert memory.is_exhausted(outer)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("broken data stream when reading image file"),
        OSError(errno.ENOSPC, "No space left on device"),
        LookupError("unknown codec 'memory'"),
        RuntimeError("Failed to decode image: Truncated data"),
    ],
)
def test_damage_is_not_taken_for_it(error: Exception) -> None:
    """A file that is broken stays broken, and circles of errors end."""
    error.__context__ = ValueError("another")
    error.__context__.__context__ = error
    assert not memory.is_exhausted(error)


_SCRIPT = """
import resource
from slimgate.codec.image import memory
from slimgate.codec.image.memory import reserving
assert memory.left() is None
memory.allow(200 << 20)
left = memory.left()
assert 0 < left <= 200 << 20, left
def fits(size):
    try:
        bytearray(size)
    except MemoryError:
        return False
    return True
assert fits(100 << 20)
assert not fits(300 << 20)
with reserving(3):
    assert fits(300 << 20)
assert not fits(300 << 20)
assert memory.left() == 0
"""


def test_a_process_is_bounded_and_may_reserve_more() -> None:
    """The limit holds for every allocation, outside of the block that may reserve."""
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
