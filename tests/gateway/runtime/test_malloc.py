"""The allocator is told to keep memory, where it can be told."""

import platform

from gateway.runtime.malloc import keep_freed_memory


def test_glibc_takes_the_parameters() -> None:
    """Every parameter is accepted by glibc; other C libraries are left alone."""
    assert keep_freed_memory() is (platform.libc_ver()[0] == "glibc")
