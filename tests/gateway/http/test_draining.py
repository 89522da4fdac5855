import asyncio

from slimgate.gateway.http.draining import InFlightRequests


async def test_waits_for_the_last_request() -> None:
    """Draining ends when the last request does, not before."""
    in_flight = InFlightRequests()
    first, second = in_flight.track(), in_flight.track()
    first.__enter__()
    second.__enter__()
    ended = asyncio.create_task(in_flight.drain(60))
    first.__exit__(None, None, None)
    await asyncio.sleep(0)
    assert (in_flight.draining, ended.done()) == (True, False)
    second.__exit__(None, None, None)
    assert await ended == 0


async def test_gives_up_in_the_end() -> None:
    """Draining returns the number of unfinished requests."""
    in_flight = InFlightRequests()
    with in_flight.track(), in_flight.track():
        assert await in_flight.drain(0) == 2


async def test_nothing_to_wait_for() -> None:
    """Draining without requests succeeds at once, whatever the timeout."""
    assert await InFlightRequests().drain(0) == 0


class _Transport(asyncio.WriteTransport):
    """A transport with a given number of unsent bytes."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self._sizes = list(sizes)

    def get_write_buffer_size(self) -> int:
        return self._sizes.pop(0) if len(self._sizes) > 1 else self._sizes[0]


async def test_waits_until_answers_are_sent() -> None:
    """Draining waits for unsent responses."""
    leaving = _Transport(2, 1, 0)
    assert await InFlightRequests().drain(60, lambda: [leaving]) == 0
    assert await InFlightRequests().drain(0, lambda: [_Transport(1), _Transport(0)]) == 1
