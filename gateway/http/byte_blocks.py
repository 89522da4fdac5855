"""Queue bytes that arrive in pieces of any size as few large blocks."""

import asyncio
import io
import mmap
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

BLOCK: Final = 1 << 18
"""Smaller pieces are merged into blocks of this many bytes."""

_LARGE: Final = 8 << 20

_JOINING: Final = threading.Lock()
"""Blocks and result exist side by side for a moment: of one large queue at a time."""


class ByteQueue:
    """A byte queue whose overhead does not depend on the sizes of the pieces.

    A list costs about 40 bytes per piece, and the client chooses the pieces. Blocks lie outside the
    heap: between them, freed pieces of a hundred uploads would leave holes that are never filled,
    of twice their size.
    """

    def __init__(self) -> None:
        self._blocks: deque[bytes | mmap.mmap] = deque()
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
        return block if isinstance(block, bytes) else block[:]

    def first(self, count: int) -> bytes:
        """Return the first ``count`` bytes or more, or all if there are fewer; remove nothing.

        Bytes behind them are not copied: there may be many, and none to spare.
        """
        if self._open and self._size - len(self._open) < count:
            self._close()
        taken: list[bytes | mmap.mmap] = []
        while self._blocks and sum(map(len, taken)) < count:
            taken.append(self._blocks.popleft())
        if not taken:
            return b""
        self._blocks.appendleft(start := _as_bytes(taken))
        return start

    def joined(self) -> bytes:
        """Return all bytes without removing them; the same object until the next append."""
        if self._open:
            self._close()
        if not self._blocks:
            return b""
        self._blocks = deque((whole := _as_bytes(self._blocks),))
        return whole

    async def whole(self) -> bytes:
        """Return all bytes as :meth:`joined` does, copying large amounts outside the event loop."""
        return self.joined() if self._size < _LARGE else await asyncio.to_thread(self._joined_alone)

    def _joined_alone(self) -> bytes:
        with _JOINING:
            if self._open:
                self._close()
            if len(self._blocks) > 1:
                # Block by block: joining all in one step would hold up the event loop meanwhile.
                whole = io.BytesIO()
                while self._blocks:
                    whole.write(self._blocks.popleft())
                self._blocks.append(whole.getvalue())
            return self.joined()

    def _close(self) -> None:
        self._blocks.append(_block(self._open) if len(self._open) >= BLOCK else bytes(self._open))
        self._open.clear()


def _as_bytes(blocks: Sequence[bytes | mmap.mmap]) -> bytes:
    """Join blocks; a single one that is bytes already stays as it is."""
    first = blocks[0]
    return first if len(blocks) == 1 and isinstance(first, bytes) else b"".join(blocks)


def _block(data: bytearray) -> mmap.mmap | bytes:
    """Return a copy in pages of its own, or on the heap where the kernel maps no more of them."""
    try:
        block = mmap.mmap(-1, len(data), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError:
        return bytes(data)  # there are as many maps as vm.max_map_count allows
    block[:] = data
    return block
