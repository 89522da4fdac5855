"""The end of a gateway: what is in flight is finished, and no more is begun."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Final

_SETTLE_S: Final = 0.05
_POLL_S: Final = 0.02


class InFlightRequests(contextlib.AbstractContextManager[None]):
    """Count requests in flight, and wait for the last one.

    The server's own shutdown reads no more of any body, so that uploads in flight would hang, and
    forgets what has not been sent when the process ends: it has to come after this.
    """

    def __init__(self) -> None:
        self.draining = False
        self._count = 0
        self._changed = asyncio.Event()

    def track(self) -> contextlib.AbstractContextManager[None]:
        """Count one request for as long as the block lasts."""
        return self

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        self._changed.set()

    async def drain(
        self, timeout_s: float, transports: Callable[[], Iterable[asyncio.WriteTransport]] = tuple
    ) -> int:
        """Wait until nothing is in flight, and the last answer is on its way.

        Args:
            timeout_s: Longest time to wait, seconds.
            transports: Gives the connections that are open.

        Returns:
            How many requests did not finish in time.
        """
        self.draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                # What has arrived on a connection is a request only once the loop has read it.
                await asyncio.sleep(_SETTLE_S)
                await self._answered()
                while _unsent(transports()):
                    # Nothing tells when the last byte has been given to the kernel.
                    await asyncio.sleep(_POLL_S)
                    await self._answered()
        return self._count + _unsent(transports())

    async def _answered(self) -> None:
        while self._count:
            self._changed.clear()
            await self._changed.wait()


def _unsent(transports: Iterable[asyncio.WriteTransport]) -> int:
    """Count the clients that have not been sent all of their answers."""
    return sum(each.get_write_buffer_size() > 0 for each in transports)
