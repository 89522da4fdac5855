"""Digests of whole files, computed in a thread if they take long."""

import asyncio
import hashlib
from typing import Final

_LARGE: Final = 1 << 18
"""Below this size, hashing takes no longer than starting a thread."""


async def sha256_hex(data: bytes | bytearray) -> str:
    """Return the SHA-256 in hexadecimal digits, without blocking the event loop."""
    if len(data) < _LARGE:
        return _sha256(data)
    return await asyncio.to_thread(_sha256, data)


async def md5_hex(data: bytes | bytearray) -> str:
    """Return the MD5 in hexadecimal digits, without blocking the event loop."""
    if len(data) < _LARGE:
        return _md5(data)
    return await asyncio.to_thread(_md5, data)


def _sha256(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


def _md5(data: bytes | bytearray) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
