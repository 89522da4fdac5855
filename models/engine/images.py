"""Enlarge whole images for callers outside this process."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import numpy as np

from slimgate.models.engine import wire
from slimgate.models.engine.network import Pixels
from slimgate.models.engine.network_restorer import NetworkRestorer

Find = Callable[[str], NetworkRestorer]
"""Returns a restorer by hash, or raises LookupError or EngineError."""


class Images(Protocol):
    """Enlarges images, here or elsewhere."""

    async def enlarge(
        self, request: wire.Request, small: Pixels, *, timeout_s: float | None = None
    ) -> Pixels:
        """Enlarge an image; cancelling it drops what is not computed yet.

        Args:
            request: restorer, scale and size.
            small: uint8, of the small shape of the request.
            timeout_s: time for the result, seconds; None: that of the engine.

        Returns:
            uint8, (height * scale, width * scale[, 3]).

        Raises:
            LookupError: the engine does not have that restorer.
            EngineError: it is busy, late, gone or has failed.
        """
        ...


class LocalImages:
    """Enlarges images with the networks of this process.

    Args:
        find: finds restorers by hash.
    """

    def __init__(self, find: Find) -> None:
        self._find = find

    async def enlarge(
        self, request: wire.Request, small: Pixels, *, timeout_s: float | None = None
    ) -> Pixels:
        """Enlarge an image; see :meth:`Images.enlarge`."""
        restorer = await asyncio.to_thread(self._find, request.restorer)
        pending = await asyncio.to_thread(
            restorer.begin, small, request.scale, level=request.level, timeout_s=timeout_s
        )
        full = await asyncio.wrap_future(pending)
        return await asyncio.to_thread(restorer.finish, full, request.scale)


def shaped(data: bytes | bytearray, shape: tuple[int, ...]) -> Pixels:
    """Return the pixels of a request, or of its result, as an array of the same memory."""
    return np.frombuffer(data, np.uint8).reshape(shape)
