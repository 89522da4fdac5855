"""How long one client has kept the gateway waiting, and what ends the wait."""

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from collections.abc import Iterator
from typing import Protocol


class _Wait(Protocol):
    """One wait for a client."""

    def seconds(self) -> float:
        """Return how long nothing has come."""
        ...

    def end(self) -> None:
        """Wait no longer, and let the request fail."""
        ...


class StallTimer:
    """Whether the gateway waits for the client of one request, and for how long by now.

    Time in which the gateway waits for the store, or works itself, does not count.

    Args:
        rate: Bytes per second at which a client is not silent.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._lag_s = 0.0
        self._wait: _Wait | None = None

    def seconds(self) -> float:
        """Return for how many seconds nothing has come; 0 when the gateway waits for no client."""
        return 0.0 if self._wait is None else self._wait.seconds()

    def end(self) -> None:
        """Break off the request that waits for the client; without a wait, do nothing."""
        if self._wait is not None:
            self._wait.end()

    @contextlib.contextmanager
    def reading(self, timeout: asyncio.Timeout) -> Iterator[None]:
        """Count the time in which the client has to send something.

        Args:
            timeout: It bounds the wait, and expires early when the wait is ended.
        """
        wait = _ReadWait(self._lag_s, timeout)
        with self._waiting(wait):
            try:
                yield
            finally:
                self._lag_s = wait.seconds()

    def received(self, count: int) -> None:
        """Note that so many bytes have come; they make up for silence, but not for one to come."""
        self._lag_s = max(0.0, self._lag_s - count / self._rate)

    @contextlib.contextmanager
    def writing(self, transport: asyncio.Transport | None) -> Iterator[None]:
        """Count the time in which the client has to take something.

        Args:
            transport: The connection, which is broken off when the wait is ended; None: it is gone.
        """
        if transport is None:
            yield
            return
        with self._waiting(_WriteWait(transport, self._rate)):
            yield

    @contextlib.contextmanager
    def _waiting(self, wait: _Wait) -> Iterator[None]:
        self._wait = wait
        try:
            yield
        finally:
            if self._wait is wait:
                self._wait = None


class _ReadWait:
    """A wait for more of a body."""

    def __init__(self, lag_s: float, timeout: asyncio.Timeout) -> None:
        self._clock = asyncio.get_running_loop().time
        self._since = self._clock() - lag_s
        self._timeout = timeout

    def seconds(self) -> float:
        return self._clock() - self._since

    def end(self) -> None:
        self._timeout.reschedule(self._clock())


class _WriteWait:
    """A wait for a client that reads; how fast it does is seen only by looking repeatedly.

    Nothing is looked at as long as nobody asks: that is once or more for every piece.
    """

    def __init__(self, transport: asyncio.Transport, rate: int) -> None:
        self._clock = asyncio.get_running_loop().time
        self._transport = transport
        self._rate = rate
        self._seen: tuple[float, int] | None = None
        self._lag_s = 0.0

    def seconds(self) -> float:
        now, left = self._clock(), _unacknowledged_bytes(self._transport)
        if self._seen is not None:
            then, before = self._seen
            self._lag_s = max(0.0, self._lag_s + now - then - (before - left) / self._rate)
        self._seen = now, left
        return self._lag_s

    def end(self) -> None:
        self._transport.abort()


def _unacknowledged_bytes(transport: asyncio.Transport) -> int:
    """Count the bytes that the client's side has not confirmed, in this process and the kernel."""
    return transport.get_write_buffer_size() + _in_kernel(transport.get_extra_info("socket"))


def _in_kernel(wire: socket.socket | None) -> int:
    """Count the bytes in a socket's queue (SIOCOUTQ, tcp(7)); 0 where the system cannot tell."""
    if wire is None:
        return 0
    try:
        answer = fcntl.ioctl(wire.fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):
        return 0
    (count,) = struct.unpack("i", answer)
    return int(count)
