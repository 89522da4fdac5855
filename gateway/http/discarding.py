"""What clients still send after their answer: read in turns, at a bounded rate, and thrown away.

Closing at once would break off what a client sends, and with it the answer that it has not read.
Reading as fast as such clients send would keep those waiting that are served.
"""

import asyncio
from collections import deque
from typing import Final

_BYTES_PER_S: Final = 128 << 20
"""For all of them together: a tenth of what one core reads."""


class DiscardThrottle:
    """Connections of clients that are done with, of which one reads at a time."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Transport] = deque()
        self._next: asyncio.TimerHandle | None = None
        self._free_at = 0.0

    def wait(self, socket_transport: asyncio.Transport, count: int) -> None:
        """Read no more from a connection until it is its turn.

        Args:
            socket_transport: The connection.
            count: Bytes that it has just read.
        """
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + count / _BYTES_PER_S
        socket_transport.pause_reading()
        self._waiting.append(socket_transport)
        self._plan()

    def resume(self, socket_transport: asyncio.Transport) -> None:
        """Read on from a connection, which may have been paused, when it is its turn."""
        self.wait(socket_transport, 0)

    def _plan(self) -> None:
        if self._next is None and self._waiting:
            self._next = asyncio.get_running_loop().call_at(self._free_at, self._read_next)

    def _read_next(self) -> None:
        self._next = None
        while self._waiting:
            socket_transport = self._waiting.popleft()
            if not socket_transport.is_closing():
                socket_transport.resume_reading()
                break
        self._plan()
