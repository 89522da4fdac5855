"""What came of images that somebody tried: kept in bounded memory, for a few minutes."""

import asyncio
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cachetools import FIFOCache

from codec.optimize import Optimized
from codec.reasons import Refused
from codec.search.contest import Trial
from config import Policy

MAX_UPLOAD: Final = 32 << 20
"""Bytes of the largest image that can be tried."""

LASTS_S: Final = 600.0

_MAX_ENTRIES: Final = 64
_MAX_BYTES: Final = 4 * MAX_UPLOAD
_MAX_VERDICTS: Final = 5


@dataclass(slots=True)
class Result:
    """What a policy makes of an image.

    Attributes:
        name: Of the file, as whoever chose it says.
        mime: Of the upload, by its first bytes; None: no image.
        upload: The file.
        policy: What was demanded.
        found: What would be stored; None: the upload stays as it is.
        served: What GET would give; None where nothing was found.
        refusal: Why it stays; None where something was found.
        trials: What the referee tried.
        seconds: Time that it took.
        verdict: What was thought of it, if anything was said.
        verdicts: How often that was said.
    """

    name: str
    mime: str | None
    upload: bytes
    policy: Policy
    found: Optimized | None
    served: bytes | None
    refusal: Refused | None
    trials: tuple[Trial, ...]
    seconds: float
    verdict: str | None = None
    verdicts: int = 0

    @property
    def size(self) -> int:
        """Give the bytes that it holds."""
        stored = len(self.found.rendition) if self.found else 0
        return len(self.upload) + stored + len(self.served or b"")

    @property
    def may_be_judged(self) -> bool:
        """Return whether another verdict is taken: people change their mind, programs never end."""
        return self.verdicts < _MAX_VERDICTS


class Results:
    """Keep results under names that nobody guesses; the oldest give way.

    Args:
        max_entries: How many to keep at most.
        max_bytes: Files that they may hold together.
        lasts_s: How long each is kept, seconds.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        *,
        max_entries: int = _MAX_ENTRIES,
        max_bytes: int = _MAX_BYTES,
        lasts_s: float = LASTS_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._lasts_s = lasts_s
        self._clock = clock
        # Bounded in :meth:`put`: by two numbers at once.
        self._kept: FIFOCache[str, tuple[float, Result]]
        self._kept = FIFOCache(math.inf, getsizeof=lambda entry: entry[1].size)

    @property
    def held_bytes(self) -> int:
        """Give the bytes that all of them hold."""
        return int(self._kept.currsize)

    def put(self, result: Result) -> str:
        """Keep a result.

        Returns:
            Its name, 128 random bits in URL-safe letters.
        """
        name = secrets.token_urlsafe(16)
        self._kept[name] = (self._clock(), result)
        while len(self._kept) > self._max_entries or self.held_bytes > self._max_bytes:
            self._kept.popitem()
        # What nobody asks for has to go, too.
        asyncio.get_running_loop().call_later(self._lasts_s, self.forget_old)
        return name

    def get(self, name: str) -> Result | None:
        """Give a result, unless it is gone."""
        self.forget_old()
        entry = self._kept.get(name)
        return None if entry is None else entry[1]

    def forget_old(self) -> None:
        """Drop what has been kept for long enough."""
        while self._kept and self._clock() - self._oldest() >= self._lasts_s:
            self._kept.popitem()

    def _oldest(self) -> float:
        return next(iter(self._kept.values()))[0]
