"""Why a run ends before everything is done; what has begun is finished and recorded.

Halted
├── Paused          a person has paused the job
├── StopFailing     too many of the last objects failed
├── Interrupted     a signal
└── LimitReached    as many objects as were asked for
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from slimgate.gateway.jobs.outcome import FAILED, Outcome

_LAST: Final = 200
"""Objects among which the share of failures counts."""

_FEWEST: Final = 20
"""Failures below this number never stop a run."""


class Halted(Exception):
    """The run ends here; the message says why, and how to go on."""


class Paused(Halted):
    """A person has paused the job."""


class StopFailing(Halted):
    """Too many of the last objects failed."""


class Interrupted(Halted):
    """The process was told to end."""


class LimitReached(Halted):
    """As many objects as were asked for are done."""


class Halt:
    """Whether the process is to begin no more objects.

    Args:
        limit: Most objects to begin; None: all.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._left = limit
        self._listeners: list[Callable[[Halted], None]] = []
        self.reason: Halted | None = None

    def listen(self, listener: Callable[[Halted], None]) -> None:
        """Have a function called when no more objects are to be begun."""
        self._listeners.append(listener)

    def begin(self, reason: Halted) -> None:
        """Begin no more objects; the first reason counts."""
        if self.reason is None:
            self.reason = reason
            for listener in self._listeners:
                listener(reason)

    @property
    def is_urgent(self) -> bool:
        """Return whether objects that still wait for their turn are not to begin, either."""
        return self.reason is not None and not isinstance(self.reason, LimitReached)

    def may_start(self) -> bool:
        """Return whether one more object may be begun, which then counts."""
        if self._left is not None:
            if self._left <= 0:
                self.begin(LimitReached("as many objects as --limit says are done"))
            self._left -= 1
        return self.reason is None

    def check(self) -> None:
        """Check that the run is to go on.

        Raises:
            Halted: It is not.
        """
        if self.reason is not None:
            raise self.reason


class FailureWatch:
    """Watch the share of objects that fail.

    Args:
        share: Share of the last 200 objects above which the run is to stop, 0 to 1; 1: never.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._last: deque[str | None] = deque(maxlen=_LAST)

    def add(self, outcome: Outcome) -> str | None:
        """Count an outcome.

        Returns:
            Why the run is to stop; None: it is to go on.
        """
        failed = outcome.verdict == FAILED
        self._last.append((outcome.label or "failed") if failed else None)
        if not failed:
            return None
        failures = Counter(label for label in self._last if label is not None)
        if failures.total() < _FEWEST or failures.total() <= self._share * len(self._last):
            return None
        label, _ = failures.most_common(1)[0]
        return (
            f"{failures.total()} of the last {len(self._last)} objects failed, most of them: "
            f"{label}"
        )
