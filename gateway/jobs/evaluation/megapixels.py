"""Bound the pixels of images in progress, and with them the memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Megapixels:
    """Room for images; one that is larger than all of it is alone.

    Args:
        most: Megapixels in progress.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._taken: list[float] = []
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def taken(self, megapixels: float) -> AsyncIterator[None]:
        """Wait for room, and take it for the duration of the block."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._fits(megapixels))
            self._taken.append(megapixels)
        try:
            yield
        finally:
            async with self._changed:
                self._taken.remove(megapixels)
                self._changed.notify_all()

    def _fits(self, megapixels: float) -> bool:
        return not self._taken or sum(self._taken) + megapixels <= self._most
