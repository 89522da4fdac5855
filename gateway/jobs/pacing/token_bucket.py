"""A token bucket: what is taken never exceeds a rate for longer than a second."""

import asyncio

_BURST_S = 1.0
"""What was not taken earlier may be taken at once, for this long, seconds."""


class TokenBucket:
    """Tokens that fill up at a constant rate.

    Args:
        per_s: Tokens per second.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._most = per_s * _BURST_S
        self._level = self._most
        self._filled: float | None = None

    async def take(self, amount: float = 1.0) -> None:
        """Take tokens, and wait until there would have been as many, first come first served."""
        self.spend(amount)
        if self._level < 0:
            await asyncio.sleep(-self._level / self._per_s)

    def spend(self, amount: float) -> None:
        """Take tokens without waiting; those who come later wait for longer."""
        now = asyncio.get_running_loop().time()
        if self._filled is not None:
            gained = (now - self._filled) * self._per_s
            self._level = min(self._level + gained, self._most)
        self._filled = now
        self._level -= amount
