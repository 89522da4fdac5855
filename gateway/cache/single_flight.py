"""Single-flight: run work once for all callers that wait for it."""

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

    Work without waiters is cancelled. An error reaches every waiter; the next call starts anew.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Call[_T]] = {}

    async def run(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Wait for the work of a key, starting it if necessary.

        Args:
            key: Callers with equal keys share the work.
            work: Called at most once while there are waiters.
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
                # A new caller must not join work that is being cancelled.
                self._forget(key, flight)
                flight.task.cancel()

    def _forget(self, key: Hashable, flight: _Call[_T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if flight.task.done() and not flight.task.cancelled():
            flight.task.exception()  # mark as retrieved: it has reached the waiters
