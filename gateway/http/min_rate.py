"""How long a client may keep the gateway waiting for the rest of what it sends."""

import asyncio

import aiohttp

from config import Limits
from gateway.http.stall_timer import StallTimer
from gateway.s3.errors import S3Error


class MinRateReader:
    """Waits for pieces of one body: less and less, unless they come at a decent rate.

    A token bucket, counted in seconds: waiting empties it, bytes fill it up. Time in which nobody
    waits for the client, because the store takes its time, does not count.

    Args:
        limits: The longest silence, and the slowest rate.
        stall_timer: Is told of every wait, and may end it; None: nothing else minds.
    """

    def __init__(self, limits: Limits, stall_timer: StallTimer | None = None) -> None:
        self._stall_timer = stall_timer or StallTimer(limits.min_client_rate)
        self._most_s = limits.client_timeout_s
        self._left_s = limits.client_timeout_s
        self._rate = limits.min_client_rate

    async def read(self, content: aiohttp.StreamReader) -> bytes:
        """Give the next piece; empty at the end.

        Raises:
            S3Error: RequestTimeout.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._left_s) as timeout:
                with self._stall_timer.reading(timeout):
                    piece = await content.readany()
        except TimeoutError as error:
            raise S3Error("RequestTimeout") from error
        self._stall_timer.received(len(piece))
        if piece:
            # What the server has read already comes without a wait: others get their turn first.
            await asyncio.sleep(0)
        earned = len(piece) / self._rate - (loop.time() - began)
        self._left_s = min(self._most_s, self._left_s + earned)
        return piece
