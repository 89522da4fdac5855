"""Digests of whole files, computed beside the event loop where they take long."""

import asyncio
import hashlib
from typing import Final

_LARGE: Final = 1 << 18
"""A digest of less takes no longer than handing it to a thread does."""


async def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 as hexadecimal digits; the event loop goes on meanwhile."""
    if len(data) < _LARGE:
        return _sha256(data)
    return await asyncio.to_thread(_sha256, data)


async def md5_hex(data: bytes) -> str:
    """Return the MD5 as hexadecimal digits; the event loop goes on meanwhile."""
    if len(data) < _LARGE:
        return _md5(data)
    return await asyncio.to_thread(_md5, data)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
