"""Do parts of one job at the same time, where cores are idle; results never depend on it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Barrier
from types import TracebackType
from typing import Final, Self, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")


class Threads:
    """Threads of one job; with one, everything is done by the caller, when it is asked for.

    Functions that they run must not wait for other functions of the same threads. Where the system
    has no threads left, there is one.

    Args:
        count: number of threads, at least 1.
    """

    def __init__(self, count: int) -> None:
        self._pool = _started(count) if count > 1 else None
        self.count = 1 if self._pool is None else count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map(self, function: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
        """Return the results of a function, in the order of its arguments.

        Raises:
            Exception: any error of the function.
        """
        if self._pool is None:
            return [function(item) for item in items]
        return list(self._pool.map(function, items))

    def start(self, function: Callable[[], _R]) -> Callable[[], _R]:
        """Begin to compute something that is needed soon.

        Returns:
            A function that returns the result, or raises its error.
        """
        if self._pool is None:
            return function
        future: Future[_R] = self._pool.submit(function)
        return future.result

    def ahead(self, function: Callable[[_T], _R], items: Sequence[_T]) -> Iterator[_R]:
        """Yield the results of a function, the next one being computed meanwhile."""
        following: Callable[[], _R] | None = None
        for number, item in enumerate(items):
            result = (following or partial(function, item))()
            later = items[number + 1 : number + 2]
            following = self.start(partial(function, later[0])) if later else None
            yield result


def _started(count: int) -> ThreadPoolExecutor | None:
    """Return a pool whose threads have started; None if the system has none left for it."""
    pool, all_here = ThreadPoolExecutor(count, "job"), Barrier(count)
    try:
        for _ in range(count):
            pool.submit(all_here.wait)
    except RuntimeError:
        all_here.abort()
        pool.shutdown(cancel_futures=True)
        return None
    return pool


ALONE: Final = Threads(1)
"""No threads beside the caller."""
