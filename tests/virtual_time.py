"""An event loop whose clock goes on when nothing is left to do: hours pass in milliseconds."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

_T = TypeVar("_T")
_EPOCH = datetime(2030, 1, 1, tzinfo=UTC)


class _Selector(selectors.SelectSelector):
    """Do not wait for a time to come: let it be that time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Return ready files; if none is, let the time pass."""
        ready: list[Any] = super().select(0)
        if ready or timeout is None:
            return ready or super().select(timeout)
        self.now += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        """Return the virtual time, seconds."""
        return self._clock.now


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run something in virtual time, from 0."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


def now() -> datetime:
    """Return the virtual date; whole seconds, as HTTP has them."""
    seconds = int(asyncio.get_running_loop().time())
    return _EPOCH + timedelta(seconds=seconds)
