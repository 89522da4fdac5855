"""``Expect: 100-continue`` towards the store: a refusal comes before the body is on its way.

RFC 9110, section 10.1.1: who waits for 100 should not wait for ever, as servers may ignore it.
Whoever is asked to send the body may stall, and many stores ask before they look at a signature:
only so many connections to the store may wait for the beginning of a body at a time.
"""

import time
from collections.abc import Callable
from typing import Final

import aiohttp

from gateway.http.aiohttp_internals import bounded_request

WAIT_S: Final = 2.0
"""Time for the store to say 100 or to refuse; then it gets the body all the same."""

SILENCE_S: Final = 300.0
"""Time in which a store that has said neither is not asked again."""


class Expectation:
    """Whether the store is worth asking before it gets a body.

    Args:
        wait_s: Time for its answer, seconds.
        clock: Seconds that only go up.
        places: Uploads at a time that may wait for it and then for the beginning of their body.
    """

    def __init__(
        self,
        wait_s: float = WAIT_S,
        clock: Callable[[], float] = time.monotonic,
        places: int = 64,
    ) -> None:
        self._wait_s = wait_s
        self._clock = clock
        self._silent_until = float("-inf")
        self._free = places

    @property
    def worthwhile(self) -> bool:
        """Return whether the store has not been silent lately."""
        return self._clock() >= self._silent_until

    def take_place(self) -> Callable[[], None] | None:
        """Take a place among the uploads that wait; None: there is none.

        Returns:
            What returns the place; it may be called more than once.
        """
        if not self._free:
            return None
        self._free -= 1
        held = True

        def give_back() -> None:
            nonlocal held
            self._free += held
            held = False

        return give_back

    def request_class(self) -> type[aiohttp.ClientRequest]:
        """Return the class of requests that wait no longer than this for the store's word."""
        return bounded_request(self._wait_s, self._note_silence)

    def _note_silence(self) -> None:
        self._silent_until = self._clock() + SILENCE_S
