"""Measure how long the gateway has waited for one client, and end the wait."""

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
        """Return the stalled time, seconds."""
        ...

    def end(self) -> None:
        """End the wait and fail the request."""
        ...


class StallTimer:
    """Measure how long one request has waited for its client.

    Time spent waiting for the store, or working, does not count.

    Args:
        rate: Minimum rate of a client that does not stall, bytes per second.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._lag_s = 0.0
        self._wait: _Wait | None = None

    def seconds(self) -> float:
        """Return the stalled time, seconds; 0 when the request is not waiting for its client."""
        return 0.0 if self._wait is None else self._wait.seconds()

    def end(self) -> None:
        """Fail the request if it is waiting for its client."""
        if self._wait is not None:
            self._wait.end()

    @contextlib.contextmanager
    def reading(self, timeout: asyncio.Timeout) -> Iterator[None]:
        """Time a wait for bytes from the client.

        Args:
            timeout: Bounds the wait, and expires early when the wait is ended.
        """
        wait = _ReadWait(self._lag_s, timeout)
        with self._waiting(wait):
            try:
                yield
            finally:
                self._lag_s = wait.seconds()

    def received(self, count: int) -> None:
        """Credit received bytes against past stalls; no credit carries over to the next one."""
        self._lag_s = max(0.0, self._lag_s - count / self._rate)

    @contextlib.contextmanager
    def writing(self, transport: asyncio.Transport | None) -> Iterator[None]:
        """Time a wait for the client to read.

        Args:
            transport: The connection, aborted when the wait is ended; None: already closed.
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
    """A wait for more of a request body."""

    def __init__(self, lag_s: float, timeout: asyncio.Timeout) -> None:
        self._clock = asyncio.get_running_loop().time
        self._since = self._clock() - lag_s
        self._timeout = timeout

    def seconds(self) -> float:
        return self._clock() - self._since

    def end(self) -> None:
        self._timeout.reschedule(self._clock())


class _WriteWait:
    """A wait for a client that reads; its rate shows only in repeated samples.

    Each call of :meth:`seconds` takes a sample.
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
    """Return the bytes that the client has not acknowledged, in this process and in the kernel."""
    return transport.get_write_buffer_size() + _in_kernel(transport.get_extra_info("socket"))


def _in_kernel(wire: socket.socket | None) -> int:
    """Return the bytes in a socket's send queue (SIOCOUTQ, tcp(7)); 0 if unavailable."""
    if wire is None:
        return 0
    try:
        answer = fcntl.ioctl(wire.fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):
        return 0
    (count,) = struct.unpack("i", answer)
    return int(count)
