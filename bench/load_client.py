"""A client with minimal overhead: it repeats a request and counts the responses."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from typing import Final, cast
from urllib.parse import urlsplit

import uvloop

from bench.client import Unexpected

_BUFFER: Final = 1 << 20
_END: Final = b"\r\n\r\n"


@dataclass(slots=True)
class Answers:
    """Responses of a load.

    Attributes:
        started: start of each request, seconds.
        seconds: duration of each request, seconds.
        failed: requests with another status, or without a response.
        first: places in both lists of the first requests on their connections.
    """

    started: list[float]
    seconds: list[float]
    failed: int
    first: set[int] = field(default_factory=set)


class _Connection(asyncio.BufferedProtocol):
    """Sends a request, reads the whole response, and repeats until the end."""

    def __init__(self, request: bytes, until: float, into: Answers) -> None:
        self._request, self._until, self._into = request, until, into
        self._buffer = bytearray(_BUFFER)
        self._head = b""
        self._missing = -1
        self._asked = 0.0
        self._right = True
        self._is_first = True
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._missing:
            self._into.failed += 1
        if not self.ended.done():
            self.ended.set_result(None)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._missing < 0:
            self._head += self._buffer[:nbytes]
            end = self._head.find(_END)
            if end < 0:
                return
            nbytes = len(self._head) - end - len(_END)
            self._missing = _length(self._head[:end])
            self._right = self._head.startswith(b"HTTP/1.1 200 ")
        self._missing -= nbytes
        if not self._missing:
            self._answered()

    def _answered(self) -> None:
        now = time.perf_counter()
        if self._is_first:
            self._is_first = False
            self._into.first.add(len(self._into.started))
        self._into.started.append(self._asked)
        self._into.seconds.append(now - self._asked)
        self._into.failed += not self._right
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def _ask(self) -> None:
        self._head, self._missing, self._asked = b"", -1, time.perf_counter()
        self._transport.write(self._request)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise Unexpected(f"a response without a length: {head[:200]!r}")


async def load(
    urls: Sequence[str], connections: int, seconds: float, *, accept: str = "*/*"
) -> Answers:
    """Send GET requests for some time on persistent connections.

    Args:
        urls: URLs of one server; each connection requests one of them.
        connections: number of connections.
        seconds: duration, seconds.
        accept: media types that the client takes.
    """
    parts = urlsplit(urls[0])
    answers, until = Answers([], [], 0), time.perf_counter() + seconds
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(
            partial(_Connection, _request(url, accept), until, answers),
            parts.hostname or "",
            parts.port or 80,
        )
        for url in islice(cycle(urls), connections)
    ]
    await asyncio.gather(*(protocol.ended for _, protocol in made))
    return answers


def _request(url: str, accept: str) -> bytes:
    parts = urlsplit(url)
    first = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    return f"{first}Accept: {accept}\r\n\r\n".encode()


def requests_per_second(
    url: str, connections: int, seconds: float, *, accept: str = "*/*"
) -> float:
    """Return the number of responses per second.

    Raises:
        Unexpected: a response was not 200.
    """
    started = time.perf_counter()
    answers = uvloop.run(load([url], connections, seconds, accept=accept))
    if answers.failed:
        raise Unexpected(f"{answers.failed} responses to {urlsplit(url).path} were not 200")
    return len(answers.seconds) / (time.perf_counter() - started)
