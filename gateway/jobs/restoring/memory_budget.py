"""A bound on the bytes of all images in memory at a time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class MemoryBudget:
    """Let what exceeds the bound wait; an image larger than the bound is alone.

    Args:
        total: Most bytes at a time.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._held = 0
        self._changed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def reserved(self, amount: int) -> AsyncIterator[None]:
        """Hold bytes for the duration of the block, once there is room for them."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: not self._held or self._held + amount <= self._total
            )
            self._held += amount
        try:
            yield
        finally:
            async with self._changed:
                self._held -= amount
                self._changed.notify_all()
