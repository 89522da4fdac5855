import asyncio

from gateway.http.draining import Drain


async def test_waits_for_the_last_request() -> None:
    """Draining ends when the last request does, not before."""
    drain = Drain()
    first, second = drain.request(), drain.request()
    first.__enter__()
    second.__enter__()
    ended = asyncio.create_task(drain.finish(60))
    first.__exit__(None, None, None)
    await asyncio.sleep(0)
    assert (True, False) == (drain.begun, ended.done())
    second.__exit__(None, None, None)
    assert 0 == await ended


async def test_gives_up_in_the_end() -> None:
    """What does not finish in time is told of."""
    drain = Drain()
    with drain.request(), drain.request():
        assert 2 == await drain.finish(0)


async def test_nothing_to_wait_for() -> None:
    """Without requests there is nothing to wait for, however little time there is."""
    assert 0 == await Drain().finish(0)


class _Transport(asyncio.WriteTransport):
    """One with as many bytes to send as it is told."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self._sizes = list(sizes)

    def get_write_buffer_size(self) -> int:
        return self._sizes.pop(0) if len(self._sizes) > 1 else self._sizes[0]


async def test_waits_until_answers_are_sent() -> None:
    """An answer that is not sent yet counts, for as long as it is not."""
    leaving = _Transport(2, 1, 0)
    assert 0 == await Drain().finish(60, lambda: [leaving])
    assert 1 == await Drain().finish(0, lambda: [_Transport(1), _Transport(0)])
