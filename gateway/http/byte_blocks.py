"""Bytes that arrive in pieces of any size, held in few blocks."""

import asyncio
from collections import deque
from typing import Final

BLOCK: Final = 1 << 18
"""Pieces smaller than this are copied together until they make a block of it."""

_LARGE: Final = 8 << 20


class ByteQueue:
    """A queue of bytes whose cost does not depend on how finely the client has cut them.

    A list would take about 40 bytes for each piece, and every piece is the client's choice.
    """

    def __init__(self) -> None:
        self._blocks: deque[bytes] = deque()
        self._open = bytearray()
        self._size = 0

    @property
    def size(self) -> int:
        """Return the number of bytes held."""
        return self._size

    def append(self, piece: bytes) -> None:
        """Add bytes at the end, in amortized time proportional to their number."""
        self._size += len(piece)
        if not self._open and len(piece) >= BLOCK:
            self._blocks.append(piece)
            return
        self._open += piece
        if len(self._open) >= BLOCK:
            self._close()

    def popleft(self) -> bytes:
        """Remove and return the first block; empty when nothing is left."""
        if self._open and not self._blocks:
            self._close()
        if not self._blocks:
            return b""
        block = self._blocks.popleft()
        self._size -= len(block)
        return block

    def joined(self) -> bytes:
        """Return everything without removing it; the same object as long as nothing is added."""
        if self._open:
            self._close()
        if len(self._blocks) > 1:
            self._blocks = deque((b"".join(self._blocks),))
        return self._blocks[0] if self._blocks else b""

    async def whole(self) -> bytes:
        """Return what :meth:`joined` does; the event loop goes on while much is copied."""
        return self.joined() if self._size < _LARGE else await asyncio.to_thread(self.joined)

    def _close(self) -> None:
        self._blocks.append(bytes(self._open))
        self._open.clear()
