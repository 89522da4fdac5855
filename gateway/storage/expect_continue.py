"""``Expect: 100-continue`` towards the store: a refusal arrives before the body is sent.

RFC 9110, section 10.1.1: clients should not wait for 100 indefinitely, because servers may ignore
the expectation. A client may stall when asked for its body, and many stores ask for it before they
check the signature: only a limited number of store connections may wait for a body to begin.
"""

import time
from collections.abc import Callable
from typing import Final

import aiohttp

from slimgate.gateway.http.aiohttp_client_internals import bounded_request

WAIT_S: Final = 2.0
"""Time for the store to send 100 or an error, seconds; then the body is sent anyway."""

SILENCE_S: Final = 300.0
"""Time without expectations after a store has ignored one, seconds."""


class ExpectContinue:
    """Decide whether to send ``Expect: 100-continue`` to the store.

    Args:
        wait_s: Time for the store to respond, seconds.
        clock: Returns monotonic seconds.
        places: Most uploads that wait for the store and then for their body to begin.
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
        """Return whether the store has not ignored an expectation recently."""
        return self._clock() >= self._silent_until

    def acquire(self) -> Callable[[], None] | None:
        """Reserve one of the places of waiting uploads; None: there is none.

        Returns:
            A function that releases it; further calls have no effect.
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
        """Return the request class that limits the wait for 100."""
        return bounded_request(self._wait_s, self._note_silence)

    def _note_silence(self) -> None:
        self._silent_until = self._clock() + SILENCE_S
