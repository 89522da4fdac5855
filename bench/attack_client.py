"""A well-behaved client next to an attack: small GETs, on persistent and new connections."""

import asyncio
import contextlib
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final
from urllib.parse import urlsplit

SOURCE: Final = "127.0.0.2"
"""Address of this client, other than the attackers', as limits apply per address."""

_KEPT: Final = 4
_FRESH: Final = 2
_PAUSE_S: Final = 0.02
_TIMEOUT_S: Final = 5.0


@dataclass(slots=True)
class WaitingTimes:
    """Waiting times of the client.

    Attributes:
        seconds: duration of each request, failed ones included.
        failures: number of failures by kind: HTTP status, or why there was no response.
    """

    seconds: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def median_ms(self) -> float:
        """Return the median wait, milliseconds."""
        return median(self.seconds) * 1e3 if self.seconds else 0.0

    @property
    def max_ms(self) -> float:
        """Return the longest wait, milliseconds."""
        return max(self.seconds, default=0.0) * 1e3

    @property
    def p99_ms(self) -> float:
        """Return the 99th percentile of waits, milliseconds."""
        if not self.seconds:
            return 0.0
        return sorted(self.seconds)[min(len(self.seconds) - 1, len(self.seconds) * 99 // 100)] * 1e3


async def get_for_a_while(url: str, seconds: float, context: ssl.SSLContext | None) -> WaitingTimes:
    """Request an object repeatedly.

    Args:
        url: presigned URL.
        seconds: duration, seconds.
        context: TLS context for https; None: http.
    """
    waits, until = WaitingTimes(), time.perf_counter() + seconds
    loops = [_Loop(url, context, waits, kept=n < _KEPT) for n in range(_KEPT + _FRESH)]
    await asyncio.gather(*(each.run(until) for each in loops))
    return waits


class _Loop:
    """Sends requests one after the other."""

    def __init__(
        self, url: str, context: ssl.SSLContext | None, waits: WaitingTimes, *, kept: bool
    ) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname or "", parts.port or 0
        self._context, self._waits, self._kept = context, waits, kept
        lines = [f"GET {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
        self._request = "\r\n".join([*lines, "", ""]).encode()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, until: float) -> None:
        """Send requests until a time."""
        while time.perf_counter() < until:
            began = time.perf_counter()
            failure = await self._failure()
            self._waits.seconds.append(time.perf_counter() - began)
            if failure is not None:
                self._waits.failures[failure] += 1
            if failure is not None or not self._kept:
                self._close()
            await asyncio.sleep(_PAUSE_S)
        self._close()

    async def _failure(self) -> str | None:
        """Send a request; return why it failed, or None."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                status = await self._status()
        except TimeoutError:
            return "timeout"
        except (OSError, asyncio.IncompleteReadError, ValueError):
            return "broken off"
        return None if status == "200" else status

    async def _status(self) -> str:
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                *self._address, ssl=self._context, local_addr=(SOURCE, 0)
            )
        reader, writer = self._streams
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        await reader.readexactly(_length(head.splitlines()))
        return head.split(" ", 2)[1]

    def _close(self) -> None:
        if self._streams is not None:
            with contextlib.suppress(OSError):
                self._streams[1].close()
        self._streams = None


def _length(lines: Sequence[str]) -> int:
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return int(value)
    raise ValueError("a response without a length")
