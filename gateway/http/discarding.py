"""Read and discard what clients send after their response, at a bounded rate.

Closing at once would reset the connection before the client has read the response. Reading without
a bound would starve other clients.
"""

import asyncio
from collections import deque
from typing import Final

_BYTES_PER_S: Final = 128 << 20
"""Rate for all connections together: a tenth of what one core reads."""


class DiscardThrottle:
    """Let one of the finished connections read at a time."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Transport] = deque()
        self._next: asyncio.TimerHandle | None = None
        self._free_at = 0.0

    def wait(self, socket_transport: asyncio.Transport, count: int) -> None:
        """Pause a connection until its next turn.

        Args:
            socket_transport: The connection.
            count: Bytes it has just read.
        """
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + count / _BYTES_PER_S
        socket_transport.pause_reading()
        self._waiting.append(socket_transport)
        self._plan()

    def resume(self, socket_transport: asyncio.Transport) -> None:
        """Resume a connection, which may be paused, at its next turn."""
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
