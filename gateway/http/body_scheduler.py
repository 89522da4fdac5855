"""Share the event loop among many bodies, so that small requests need not wait for large ones."""

import asyncio
from collections import deque
from typing import Final

_PIECES: Final = 8
"""Pieces of up to 256 KiB sent between two polls of all connections: a millisecond or two."""


class BodyScheduler:
    """Limit the pieces of bodies sent in each step of the event loop.

    A hundred downloads with full buffers would otherwise all send in each step, and a request that
    needs ten steps would wait for a thousand pieces.

    Args:
        pieces: Pieces per step.
    """

    def __init__(self, pieces: int = _PIECES) -> None:
        self._pieces = pieces
        self._left = pieces
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._planned = False

    async def acquire(self) -> None:
        """Wait until the next piece may be sent; first come, first served."""
        if self._left and not self._waiting:
            self._left -= 1
            self._plan()
            return
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(called)
        self._plan()
        await called

    def _plan(self) -> None:
        if not self._planned:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._next_step)

    def _next_step(self) -> None:
        self._planned = False
        self._left = self._pieces
        while self._left and self._waiting:
            called = self._waiting.popleft()
            if not called.done():  # its client has gone
                called.set_result(None)
                self._left -= 1
        if self._left < self._pieces:
            self._plan()
