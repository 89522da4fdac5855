"""Test the tuning of the allocator."""

import platform

from slimgate.gateway.runtime.malloc import keep_freed_memory


def test_glibc_takes_the_parameters() -> None:
    """Glibc accepts every parameter; other C libraries are left alone."""
    assert keep_freed_memory() is (platform.libc_ver()[0] == "glibc")
