"""Values of Redis, read in their place."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from slimgate.gateway.cache.known_values import KnownValues
from slimgate.gateway.cache.redis_client import BROKEN
from slimgate.gateway.cache.redis_values import ValueReader

_LAST: Final = 1 << 20
_LARGE: Final = bytes(range(256)) * 4096
_ASKED: Final = b"*4\r\n$8\r\nGETRANGE\r\n$4\r\nname\r\n$1\r\n0\r\n$7\r\n1048576\r\n"


class _Server:
    """A server that sends the next reply for each request; None: it closes the connection."""

    def __init__(self, *replies: bytes | None, step: int = 1 << 20) -> None:
        self._replies = list(replies)
        self._step = step
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while self._replies:
                assert await reader.readexactly(len(_ASKED)) == _ASKED
                reply = self._replies.pop(0)
                if reply is None:
                    break
                for at in range(0, len(reply), self._step):
                    writer.write(reply[at : at + self._step])
                    await writer.drain()
                    await asyncio.sleep(0)
            else:
                await reader.read()
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def _asking(server: _Server) -> AsyncIterator[tuple[ValueReader, Redis]]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    client = Redis(port=port, protocol=2, driver_info=None)
    reader = ValueReader()
    async with listening:
        yield reader, client
        reader.close()
        await client.aclose()
        await asyncio.sleep(0.01)  # connections end


def _bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


@pytest.mark.parametrize("step", [1, 3, 1 << 16])
async def test_values_arrive_in_pieces(step: int) -> None:
    """Values of any size are read one after the other on one connection, however they arrive."""
    values = [b"", b"\r\n", b"x" * 5000, *([_LARGE] if step > 3 else [])]
    server = _Server(*map(_bulk, values), step=step)
    async with _asking(server) as (reader, client):
        assert [await reader.getrange(client, "name", _LAST) for _ in values] == values
    assert server.connections == 1


@pytest.mark.parametrize(
    "reply",
    [b"-LOADING wait\r\n", b":1\r\n", b"$x\r\n", b"$1048578\r\n", b"$" + b"1" * 40,
     _bulk(b"a") + b"b",
     b"$1\r\nabc", b">1\r\n+push\r\n"],
)  # fmt: skip
async def test_other_replies_are_left_to_redis_py(reply: bytes) -> None:
    """A connection with an unexpected reply is given up, and redis-py asks again."""
    server = _Server(reply, _bulk(b"ok"), _bulk(b"ok"))
    async with _asking(server) as (reader, client):
        found = await reader.getrange(client, "name", _LAST)
        assert found in {b"ok", b"a"}
        assert await reader.getrange(client, "name", _LAST) == b"ok"


async def test_a_lost_connection_is_an_error() -> None:
    """A connection that ends before its value fails the read, and the next one gets another."""
    server = _Server(None, b"$9\r\nabc", _bulk(b"ok"))
    async with _asking(server) as (reader, client):
        with pytest.raises(BROKEN):
            await reader.getrange(client, "name", _LAST)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.getrange(client, "name", _LAST)
        assert await reader.getrange(client, "name", _LAST) == b"ok"


async def test_errors_of_redis_are_those_of_redis_py() -> None:
    """An error that lasts is raised as redis-py does."""
    async with _asking(_Server(b"-ERR no\r\n", b"-ERR no\r\n")) as (reader, client):
        with pytest.raises(RedisError):
            await reader.getrange(client, "name", _LAST)


@pytest.mark.parametrize("size", [0, 1000, 5 << 20])
async def test_only_the_noted_value_is_known(size: int) -> None:
    """Neither other bytes, nor the same bytes under another name, nor another process pass."""
    known, value = KnownValues(), bytes(size)
    known.note("a", await known.tag(value))
    assert known.has("a", await known.tag(bytearray(value)))
    assert not known.has("b", await known.tag(value))
    assert not known.has("a", await known.tag(value[:-1] + b"x"))
    other = KnownValues()
    other.note("a", await known.tag(value))
    assert not other.has("a", await other.tag(value))
