"""Queue bytes that arrive in pieces of any size as few large blocks."""

import asyncio
import threading
from collections import deque
from typing import Final

BLOCK: Final = 1 << 18
"""Smaller pieces are merged into blocks of this many bytes."""

_LARGE: Final = 8 << 20

_JOINING: Final = threading.Lock()
"""Blocks and result exist side by side for a moment: of one large queue at a time."""


class ByteQueue:
    """A byte queue whose overhead does not depend on the sizes of the pieces.

    A list costs about 40 bytes per piece, and the client chooses the pieces.
    """

    def __init__(self) -> None:
        self._blocks: deque[bytes] = deque()
        self._open = bytearray()
        self._size = 0

    @property
    def size(self) -> int:
        """Return the number of queued bytes."""
        return self._size

    def append(self, piece: bytes) -> None:
        """Append bytes in amortized linear time."""
        self._size += len(piece)
        if not self._open and len(piece) >= BLOCK:
            self._blocks.append(piece)
            return
        self._open += piece
        if len(self._open) >= BLOCK:
            self._close()

    def popleft(self) -> bytes:
        """Remove and return the first block; empty when the queue is empty."""
        if self._open and not self._blocks:
            self._close()
        if not self._blocks:
            return b""
        block = self._blocks.popleft()
        self._size -= len(block)
        return block

    def joined(self) -> bytes:
        """Return all bytes without removing them; the same object until the next append."""
        if self._open:
            self._close()
        if len(self._blocks) > 1:
            self._blocks = deque((b"".join(self._blocks),))
        return self._blocks[0] if self._blocks else b""

    async def whole(self) -> bytes:
        """Return all bytes as :meth:`joined` does, copying large amounts outside the event loop."""
        return self.joined() if self._size < _LARGE else await asyncio.to_thread(self._joined_alone)

    def _joined_alone(self) -> bytes:
        with _JOINING:
            return self.joined()

    def _close(self) -> None:
        self._blocks.append(bytes(self._open))
        self._open.clear()
