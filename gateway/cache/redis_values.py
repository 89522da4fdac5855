"""Read large values from Redis without copying them.

redis-py assembles a value from pieces, copying it several times. A connection here is opened by
redis-py, which knows about passwords, TLS and Sentinel, and then receives each value in its place.
"""

import asyncio
from typing import Final, cast

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection

from slimgate.gateway.cache.redis_client import Client

_HEAD: Final = 1 << 14
_END: Final = b"\r\n"
_VALUE: Final = b"$"
_LONGEST_HEAD: Final = 24


class _NotAValue(Exception):
    """The reply is an error or a message, or longer than asked for."""


class _Wire(asyncio.BufferedProtocol):
    """A connection that reads one value at a time.

    Args:
        connection: An open connection of redis-py, taken over.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        # The writer would close its transport when it is collected.
        self._writer = cast("asyncio.StreamWriter", connection._writer)  # noqa: SLF001
        connection._writer = connection._reader = None  # noqa: SLF001
        self._transport = cast("asyncio.Transport", self._writer.transport)
        self._head = memoryview(bytearray(_HEAD))
        self._value: bytearray | None = None
        self._filled = 0
        self._most = 0
        self._reply: asyncio.Future[bytearray] | None = None
        self._transport.pause_reading()
        self._transport.set_protocol(self)
        self._transport.resume_reading()

    @property
    def is_open(self) -> bool:
        """Return whether another value can be read."""
        return not self._transport.is_closing()

    def close(self) -> None:
        """Close the connection."""
        self._transport.abort()

    async def getrange(self, name: str, last: int) -> bytearray:
        """Return the bytes of a value from the first to the ``last``; none if there is no value.

        Raises:
            ConnectionError: Redis has closed the connection.
            _NotAValue: It answered otherwise.
        """
        self._reply = asyncio.get_running_loop().create_future()
        self._value, self._filled, self._most = None, 0, last + 1
        parts = (b"GETRANGE", name.encode(), b"0", b"%d" % last)
        self._transport.write(b"*4\r\n" + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts))
        value = await self._reply
        if not value.endswith(_END):
            raise _NotAValue
        del value[-len(_END) :]  # only now: the event loop has let go of it
        return value

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put what arrives: the rest of the value, or of its head."""
        del sizehint
        place = self._head if self._value is None else memoryview(self._value)
        return place[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take in what has arrived."""
        self._filled += nbytes
        try:
            if self._value is None:
                self._begin()
            if self._value is not None and self._filled == len(self._value):
                self._finish(self._value)
        except _NotAValue as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail a read in progress."""
        self._fail(ConnectionResetError("Redis has closed the connection"))

    def _begin(self) -> None:
        """Read the length, and make room for the value and its end."""
        head = bytes(self._head[: min(self._filled, _LONGEST_HEAD)])
        length, found, _ = head.partition(_END)
        if (
            self._reply is None
            or not head.startswith(_VALUE)
            or (not found and len(head) == _LONGEST_HEAD)
        ):
            raise _NotAValue
        if not found:
            return
        if not length[1:].isdigit() or int(length[1:]) > self._most:
            raise _NotAValue
        start = len(length) + len(_END)
        self._value = bytearray(int(length[1:]) + len(_END))
        arrived = self._filled - start
        if arrived > len(self._value):
            raise _NotAValue
        self._value[:arrived] = self._head[start : self._filled]
        self._filled = arrived

    def _finish(self, value: bytearray) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(value)
        self._reply = self._value = None
        self._filled = 0

    def _fail(self, error: Exception) -> None:
        self._transport.abort()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)


class ValueReader:
    """Read values, on connections of its own unless Redis is a cluster."""

    def __init__(self) -> None:
        self._idle: list[_Wire] = []

    def close(self) -> None:
        """Close all connections."""
        for wire in self._idle:
            wire.close()
        self._idle.clear()

    async def getrange(self, client: Client, name: str, last: int) -> bytes | bytearray:
        """Return the bytes of a value from the first to the ``last``; none if there is no value.

        Args:
            client: The client of redis-py, with a request in flight for as long.
            name: Name of the value.
            last: Position of the last byte, from 0.

        Raises:
            Exception: One of ``BROKEN`` of :mod:`slimgate.gateway.cache.redis_client`.
        """
        if isinstance(client, Redis):
            wire = await self._wire(client)
            try:
                value = await wire.getrange(name, last)
            except _NotAValue:
                wire.close()
            except BaseException:
                wire.close()
                raise
            else:
                self._idle.append(wire)
                return value
        # A cluster, or an error that redis-py understands.
        found = await client.getrange(name, 0, last)
        return found if isinstance(found, bytes) else b""

    async def _wire(self, client: Redis) -> _Wire:
        while self._idle:
            wire = self._idle.pop()
            if wire.is_open:
                return wire
        connection: AbstractConnection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            writer = connection._writer  # noqa: SLF001
            if writer is not None:
                writer.transport.abort()  # Redis may read nothing more
            await connection.disconnect(nowait=True)
            raise
        return _Wire(connection)
