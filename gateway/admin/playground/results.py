"""Results of previews: kept in bounded memory for a few minutes."""

import asyncio
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from cachetools import FIFOCache

from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Refused
from slimgate.codec.search.omissions import Omitted
from slimgate.codec.search.state import Trial
from slimgate.config import Policy

MAX_UPLOAD: Final = 32 << 20
"""Largest image to preview, bytes."""

LASTS_S: Final = 600.0

_MAX_ENTRIES: Final = 64
_MAX_BYTES: Final = 4 * MAX_UPLOAD
_MAX_VERDICTS: Final = 5


class Point(NamedTuple):
    """One way to store an image.

    Attributes:
        size: Bytes stored.
        score: SSIMULACRA2 of the restored file.
        label: What it is.
        kind: ``won``, ``earlier``, ``holds``, ``below`` or ``sample``.
    """

    size: int
    score: float
    label: str
    kind: str


@dataclass(slots=True)
class Result:
    """The result of a preview.

    Attributes:
        name: File name sent by the browser.
        mime: Type by content; None: not an image.
        upload: The file.
        policy: The policy.
        found: What would be stored; None: the upload stays as it is.
        served: What GET would return; None without a rendition.
        refusal: Why the upload stays as it is; None with a rendition.
        trials: Trials of the search.
        omitted: What the search left out.
        seconds: Duration.
        earlier: The same image under other settings, as points of its curve.
        verdict: Verdict, if any.
        verdicts: Number of verdicts.
    """

    name: str
    mime: str | None
    upload: bytes
    policy: Policy
    found: Optimized | None
    served: bytes | None
    refusal: Refused | None
    trials: tuple[Trial, ...]
    omitted: tuple[Omitted, ...]
    seconds: float
    earlier: tuple[Point, ...] = ()
    verdict: str | None = None
    verdicts: int = 0

    @property
    def size(self) -> int:
        """Return the size of its files, bytes."""
        stored = len(self.found.rendition) if self.found else 0
        return len(self.upload) + stored + len(self.served or b"")

    @property
    def may_be_judged(self) -> bool:
        """Return whether another verdict is accepted, up to a limit that stops scripts."""
        return self.verdicts < _MAX_VERDICTS


class Results:
    """Keep results under unguessable names, and drop the oldest ones.

    Args:
        max_entries: Most results.
        max_bytes: Most bytes of their files.
        lasts_s: Lifetime of a result, seconds.
        clock: Returns monotonic seconds.
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
        """Return the size of all files, bytes."""
        return int(self._kept.currsize)

    def put(self, result: Result) -> str:
        """Store a result.

        Returns:
            Its name: 128 random bits, URL-safe.
        """
        name = secrets.token_urlsafe(16)
        self._kept[name] = (self._clock(), result)
        while len(self._kept) > self._max_entries or self.held_bytes > self._max_bytes:
            self._kept.popitem()
        # Expire results that are never requested again.
        asyncio.get_running_loop().call_later(self._lasts_s, self.forget_old)
        return name

    def get(self, name: str) -> Result | None:
        """Return a result, or None if it has expired."""
        self.forget_old()
        entry = self._kept.get(name)
        return None if entry is None else entry[1]

    def forget_old(self) -> None:
        """Drop expired results."""
        while self._kept and self._clock() - self._oldest() >= self._lasts_s:
            self._kept.popitem()

    def _oldest(self) -> float:
        return next(iter(self._kept.values()))[0]
