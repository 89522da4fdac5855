import asyncio

from gateway.draining import Drain


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
