"""Enforce a minimum rate on request bodies."""

import asyncio
from typing import Final

import aiohttp

from slimgate.config import Limits
from slimgate.gateway.http.body_scheduler import BodyScheduler
from slimgate.gateway.http.stall_timer import StallTimer
from slimgate.gateway.s3.errors import S3Error

_LARGE: Final = 1 << 15
"""Pieces that take a tenth of a millisecond to digest and pass on, bytes."""


class MinRateReader:
    """Read one body and fail when it falls below the minimum rate.

    A token bucket, counted in seconds: waiting drains it, bytes refill it. Time that the gateway
    spends waiting for the store does not count.

    Args:
        limits: Longest silence, and minimum rate.
        stall_timer: Times every wait and may end it; None: a private one.
        scheduler: Shares the event loop among bodies; None: with no others.
    """

    def __init__(
        self,
        limits: Limits,
        stall_timer: StallTimer | None = None,
        scheduler: BodyScheduler | None = None,
    ) -> None:
        self._stall_timer = stall_timer or StallTimer(limits.min_client_rate)
        self._most_s = limits.client_timeout_s
        self._left_s = limits.client_timeout_s
        self._rate = limits.min_client_rate
        self._scheduler = scheduler or BodyScheduler()

    async def read(self, content: aiohttp.StreamReader) -> bytes:
        """Return the next piece; empty at the end.

        Raises:
            S3Error: RequestTimeout if the client is too slow.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        piece = content.read_nowait()
        if not piece and not content.is_eof():
            piece = await self._waited_for(content)
        self._stall_timer.received(len(piece))
        earned = len(piece) / self._rate - (loop.time() - began)
        self._left_s = min(self._most_s, self._left_s + earned)
        if piece and not content.is_eof():
            # Buffered bytes arrive without a wait: let other tasks run first.
            await asyncio.sleep(0)
            if len(piece) >= _LARGE:
                await self._scheduler.acquire()
        return piece

    async def _waited_for(self, content: aiohttp.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(self._left_s) as timeout:
                with self._stall_timer.reading(timeout):
                    return await content.readany()
        except TimeoutError as error:
            raise S3Error("RequestTimeout") from error
