"""A store is asked before it gets a body: aiohttp's client against servers that answer by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest

from slimgate.config import Upstream as UpstreamSettings
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.storage.expect_continue import SILENCE_S, ExpectContinue
from slimgate.gateway.storage.messages import read_bounded
from slimgate.gateway.storage.upstream import UNSIGNED_PAYLOAD, Request, Upstream

_BODY: Final = b"x" * 100_000
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_DENIED: Final = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\ndenied"

_Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _store(serve: _Serve, expectation: ExpectContinue) -> AsyncIterator[Upstream]:
    """Run a store that answers so, and the client that talks to it."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            pass  # the client has gone away, as it should when it is refused
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    upstream = Upstream(UpstreamSettings(endpoint=f"http://127.0.0.1:{port}"))
    upstream.expectation = expectation
    async with server, upstream:
        yield upstream


class _Body:
    """A body that notes when it is read."""

    def __init__(self, events: list[str]) -> None:
        self._events = events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._events.append("read")
        yield _BODY


async def _put(upstream: Upstream, events: list[str]) -> tuple[int, bytes]:
    request = Request(
        "PUT",
        Target("bucket", "k", "k"),
        body=_Body(events),
        length=len(_BODY),
        payload_hash=UNSIGNED_PAYLOAD,
        expects=upstream.expectation.worthwhile,
    )
    async with upstream.send(request, None) as response:
        return response.status, await read_bounded(response, 1 << 16)


async def _head(reader: asyncio.StreamReader) -> bytes:
    return (await reader.readuntil(b"\r\n\r\n")).lower()


async def test_the_body_is_read_when_the_store_has_said_so() -> None:
    """Nothing of a body is asked for before the store wants it."""
    events: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"\r\nexpect: 100-continue\r\n" in await _head(reader)
        events.append("asked")
        await asyncio.sleep(0)
        events.append("said")
        writer.write(_CONTINUE)
        assert await reader.readexactly(len(_BODY)) == _BODY
        writer.write(_OK)

    async with _store(serve, ExpectContinue(wait_s=30)) as upstream:
        assert await _put(upstream, events) == (200, b"")
    assert events == ["asked", "said", "read"]


async def test_a_refusal_comes_without_the_body() -> None:
    """The client of a refused upload never sends it, and the connection is not used again."""
    events: list[str] = []
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _head(reader)
        writer.write(_DENIED)
        assert await reader.read() == b""
        closed.set()

    async with _store(serve, ExpectContinue(wait_s=30)) as upstream:
        assert await _put(upstream, events) == (403, b"denied")
        assert await _put(upstream, events) == (403, b"denied")
        async with asyncio.timeout(20):
            await closed.wait()
    assert events == []


async def test_a_silent_store_gets_the_body_all_the_same() -> None:
    """Who does not know the expectation is not waited for, and not asked again for a while."""
    events: list[str] = []
    asked: list[bool] = []
    times = (0.0, SILENCE_S - 1, SILENCE_S)
    now = [0.0]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in times:
            asked.append(b"\r\nexpect:" in await _head(reader))
            await reader.readexactly(len(_BODY))
            writer.write(_OK)

    async with _store(serve, ExpectContinue(0.01, lambda: now[0])) as upstream:
        for now[0] in times:
            assert await _put(upstream, events) == (200, b"")
    assert asked == [True, False, True]


async def test_a_slow_refusal_is_not_taken_for_silence() -> None:
    """Once the head of an answer is there, the body stays where it is."""
    events: list[str] = []
    expectation = ExpectContinue(wait_s=0.05)
    go_on = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _head(reader)
        writer.write(_DENIED[:-1])
        await go_on.wait()
        writer.write(_DENIED[-1:])
        await reader.read()

    async with _store(serve, expectation) as upstream:
        request = Request("PUT", Target("bucket", "k", "k"), body=_Body(events),
                          length=len(_BODY), expects=True)  # fmt: skip
        async with upstream.send(request, None) as response:
            await asyncio.sleep(0.1)  # the wait is over
            go_on.set()
            assert await read_bounded(response, 1 << 16) == b"denied"
    assert events == []
    assert expectation.worthwhile


@pytest.mark.parametrize("early", [_CONTINUE, b""])
async def test_other_requests_do_not_wait(early: bytes) -> None:
    """A body that is at hand is sent at once, and a needless 100 does no harm."""
    events: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"expect:" not in await _head(reader)
        writer.write(early)
        await reader.readexactly(len(_BODY))
        writer.write(_OK)

    async with _store(serve, ExpectContinue(wait_s=30)) as upstream:
        request = Request("PUT", Target("bucket", "k", "k"), body=_Body(events), length=len(_BODY))
        async with upstream.send(request, None) as response:
            assert response.status == 200
    assert events == ["read"]


def test_only_so_many_wait_for_the_store() -> None:
    """A place is taken by one, and returned once, however often that is said."""
    expectation = ExpectContinue(places=2)
    first, second = expectation.acquire(), expectation.acquire()
    assert first is not None and second is not None  # noqa: PT018
    assert expectation.acquire() is None
    first()
    first()
    assert expectation.acquire() is not None
    assert expectation.acquire() is None
