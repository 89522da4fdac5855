"""Recognize values that were verified before, faster than by their SHA-256."""

import asyncio
import hmac
import secrets
from typing import Final

from cachetools import LRUCache
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BITS: Final = 128
_NONCE_BYTES: Final = 12
_LARGE: Final = 1 << 22
"""Below this size, a MAC takes no longer than starting a thread, bytes."""

_MAX_VALUES: Final = 100_000
"""Most values that are remembered: about 20 MiB."""


class KnownValues:
    """Remember the MAC of each verified value, under a key that never leaves this process.

    The MAC is GMAC. Its nonce may be the same for all values, since the tags stay secret, too:
    without key and tags, another value passes with a probability of 2^-100 for each that is tried.
    """

    def __init__(self) -> None:
        self._cipher = AESGCM(AESGCM.generate_key(_KEY_BITS))
        self._nonce = secrets.token_bytes(_NONCE_BYTES)
        self._tags: LRUCache[str, bytes] = LRUCache(_MAX_VALUES)

    async def tag(self, value: bytes | bytearray) -> bytes:
        """Return the MAC of a value, which is a secret of this process."""
        if len(value) < _LARGE:
            return self._tag(value)
        return await asyncio.to_thread(self._tag, value)

    def note(self, name: str, tag: bytes) -> None:
        """Remember the MAC of a value that was verified otherwise."""
        self._tags[name] = tag

    def has(self, name: str, tag: bytes) -> bool:
        """Return whether this is the MAC that was noted under a name."""
        return hmac.compare_digest(self._tags.get(name, b""), tag)

    def _tag(self, value: bytes | bytearray) -> bytes:
        return self._cipher.encrypt(self._nonce, b"", value)
