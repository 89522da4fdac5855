import asyncio
import socket

import pytest

from slimgate.gateway.http.stall_timer import StallTimer


class _Clock:
    """A manual clock for the event loop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)


class _Protocol(asyncio.Protocol):
    """A protocol that signals the end of its connection."""

    def __init__(self, gone: "asyncio.Future[None]") -> None:
        self._gone = gone

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._gone.set_result(None)


async def test_without_a_wait_nothing_is_silent() -> None:
    """A request that is not waiting has not stalled, and cannot be ended."""
    stall_timer = StallTimer(1000)
    stall_timer.end()
    assert stall_timer.seconds() == 0


async def test_bytes_make_up_for_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stalls add up, bytes at the minimum rate make up for them, and no credit is kept."""
    clock, stall_timer = _Clock(monkeypatch), StallTimer(1000)
    for waited_s, came, expected in [(3, 1000, 3), (1, 1, 3), (0, 1_000_000, 2.999), (2, 0, 2)]:
        with stall_timer.reading(asyncio.timeout(60)):
            clock.now += waited_s
            assert stall_timer.seconds() == pytest.approx(expected)
        stall_timer.received(came)
        assert stall_timer.seconds() == 0


async def test_an_ended_wait_times_out() -> None:
    """Ending a read wait expires its timeout early."""
    stall_timer = StallTimer(1000)

    async def listen() -> None:
        async with asyncio.timeout(60) as timeout:
            with stall_timer.reading(timeout):
                stall_timer.end()
                await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await listen()


async def test_readers_that_take_nothing_are_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acknowledged bytes make up for stalls; ending a write wait aborts the connection."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    loop, stall_timer = asyncio.get_running_loop(), StallTimer(1000)
    gone = loop.create_future()
    transport, _ = await loop.create_connection(lambda: _Protocol(gone), sock=ours)
    transport.write(bytes(8 << 20))
    clock = _Clock(monkeypatch)
    with stall_timer.writing(transport):
        assert stall_timer.seconds() == 0
        clock.now += 2
        assert stall_timer.seconds() == 2
        assert await loop.sock_recv(theirs, 1 << 16)
        clock.now += 1
        assert stall_timer.seconds() == 0
        clock.now += 5
        assert stall_timer.seconds() == 5
        stall_timer.end()
    assert stall_timer.seconds() == 0
    assert transport.is_closing()
    theirs.close()
    await gone


async def test_a_reader_that_is_gone_is_waited_for_no_more() -> None:
    """Without a connection nothing is timed."""
    stall_timer = StallTimer(1000)
    with stall_timer.writing(None):
        assert stall_timer.seconds() == 0
