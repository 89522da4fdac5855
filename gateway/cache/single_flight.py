"""Do the same work once for everybody who waits for it."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


@dataclass(slots=True)
class _Call(Generic[_T]):
    task: asyncio.Task[_T]
    waiters: int = 0


class SingleFlight(Generic[_T]):
    """Share work in progress by key.

    Work that nobody waits for any more is cancelled. An error reaches every waiter, and the next
    caller tries anew.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Call[_T]] = {}

    async def run(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Wait for the work of that key, beginning it when nobody has yet.

        Args:
            key: What is worked on; equal keys share.
            work: Called at most once while somebody waits.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = _Call(asyncio.create_task(work()))
            self._flights[key] = flight
            flight.task.add_done_callback(lambda _: self._forget(key, flight))
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                # Another caller must not join what is being cancelled.
                self._forget(key, flight)
                flight.task.cancel()

    def _forget(self, key: Hashable, flight: _Call[_T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if flight.task.done() and not flight.task.cancelled():
            flight.task.exception()  # it has reached the waiters, if there are any left
