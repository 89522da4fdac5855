"""A circuit breaker that probes by itself."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 3.0


class CircuitOpen(Exception):
    """The circuit is open: the last attempt failed."""


class CircuitBreaker:
    """Reject attempts for a while after a failure, then allow one probe at a time.

    Args:
        failures: Exceptions that open the circuit.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self, *failures: type[Exception], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._failures = failures
        self._clock = clock
        self._pause_s = 0.0
        self._until = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Return whether the last attempt failed."""
        return self._pause_s > 0

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Run the block as one attempt.

        Raises:
            CircuitOpen: The circuit is open.
        """
        if self.is_open and (self._probing or self._clock() < self._until):
            raise CircuitOpen
        probe = self._probing = self.is_open
        try:
            yield
        except self._failures:
            self._fail()
            raise
        else:
            self._pause_s = 0.0
        finally:
            if probe:
                self._probing = False

    def _fail(self) -> None:
        doubled = min(_LONGEST_PAUSE_S, 2 * self._pause_s)
        # Attempts that overlap the first failure fail later; count them as the same failure.
        if not self.is_open or self._probing:
            self._pause_s = doubled or _FIRST_PAUSE_S
            self._until = self._clock() + self._pause_s
