"""The end of a gateway: what is in flight is finished, and no more is begun."""

import asyncio
import contextlib
from collections.abc import Iterator


class Drain:
    """Count requests in flight, and wait for the last one.

    The server's own shutdown reads no more of any body, so that uploads in flight would hang: it
    has to come after this.
    """

    def __init__(self) -> None:
        self.begun = False
        self._count = 0
        self._changed = asyncio.Event()

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Count one request for as long as the block lasts."""
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
            self._changed.set()

    async def finish(self, timeout_s: float) -> int:
        """Wait until nothing is in flight.

        Args:
            timeout_s: Longest time to wait, seconds.

        Returns:
            How many requests did not finish in time.
        """
        self.begun = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._count:
                    self._changed.clear()
                    await self._changed.wait()
        return self._count
