"""Bound the images in flight, before their bodies are read."""

import asyncio
import contextlib
from collections.abc import Iterator

from slimgate.models.engine.network import Busy


class Admission:
    """Bounds of what is in flight; used by one event loop.

    Args:
        max_images: maximum images.
        max_bytes: maximum bytes of their bodies; a larger one is accepted alone.
    """

    def __init__(self, max_images: int, max_bytes: int) -> None:
        self._max_images = max_images
        self._max_bytes = max_bytes
        self._bytes = 0
        self.images = 0
        self.refused = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def full(self) -> bool:
        """Return whether another image would be refused."""
        return self.images >= self._max_images

    @contextlib.contextmanager
    def admitted(self, size: int) -> Iterator[None]:
        """Count an image as in flight for the duration of the block.

        Args:
            size: size of its body, bytes.

        Raises:
            Busy: no room.
        """
        if self.full or (self.images and self._bytes + size > self._max_bytes):
            self.refused += 1
            raise Busy(f"{self.images} images are in flight: try again later, or another engine")
        self.images += 1
        self._bytes += size
        self._idle.clear()
        try:
            yield
        finally:
            self.images -= 1
            self._bytes -= size
            if not self.images:
                self._idle.set()

    async def empty(self) -> None:
        """Wait until no image is in flight."""
        await self._idle.wait()
