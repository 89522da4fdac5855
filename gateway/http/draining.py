"""Drain requests in flight at shutdown."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Final

_SETTLE_S: Final = 0.05
_POLL_S: Final = 0.02


class InFlightRequests(contextlib.AbstractContextManager[None]):
    """Count requests in flight, and wait for the last one.

    Drain before the server shuts down: its shutdown stops reading bodies, so uploads in flight
    would hang, and drops unsent bytes.
    """

    def __init__(self) -> None:
        self.draining = False
        self._count = 0
        self._changed = asyncio.Event()

    def track(self) -> contextlib.AbstractContextManager[None]:
        """Count one request for the duration of the block."""
        return self

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        self._changed.set()

    async def drain(
        self, timeout_s: float, transports: Callable[[], Iterable[asyncio.WriteTransport]] = tuple
    ) -> int:
        """Wait until no request is in flight and all responses are sent.

        Args:
            timeout_s: Longest wait, seconds.
            transports: Returns the open connections.

        Returns:
            Requests that did not finish in time.
        """
        self.draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                # Received bytes become a request only once the event loop has read them.
                await asyncio.sleep(_SETTLE_S)
                await self._answered()
                while _unsent(transports()):
                    # No event signals that the last byte has reached the kernel.
                    await asyncio.sleep(_POLL_S)
                    await self._answered()
        return self._count + _unsent(transports())

    async def _answered(self) -> None:
        while self._count:
            self._changed.clear()
            await self._changed.wait()


def _unsent(transports: Iterable[asyncio.WriteTransport]) -> int:
    """Count connections with unsent bytes."""
    return sum(each.get_write_buffer_size() > 0 for each in transports)
