"""The deferred queue in memory, held to what the real ones do by tests/gateway/deferred."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from slimgate.config import Deferred
from slimgate.gateway.deferred.queue import Claimed, Depth
from slimgate.gateway.handlers.deferring import QueuedUpload, QueueUnavailable


@dataclass
class _Entry:
    claimed: Claimed
    due: float
    owned: bool


@dataclass
class MemoryQueue:
    """A queue that one process uses.

    Attributes:
        settings: Lease, and most entries.
        clock: Returns Unix seconds.
        broken: Whether every request fails.
    """

    settings: Deferred = field(default_factory=Deferred)
    clock: Callable[[], float] = time.time
    broken: bool = False
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def is_begun(self) -> bool:
        """Return True."""
        return True

    @property
    def uploads(self) -> list[QueuedUpload]:
        """Return what is queued."""
        return [entry.claimed.upload for entry in self._entries.values()]

    async def open(self) -> None:
        """Do nothing."""
        self._check()

    async def close(self) -> None:
        """Do nothing."""

    async def intend(self, upload: QueuedUpload) -> str | None:
        """Add an entry that is being sent."""
        self._check()
        if len(self._entries) >= self.settings.max_queued:
            return None
        return self._add(upload, self.clock() + self.settings.lease_s, owned=True)

    async def confirm(self, token: str, upload: QueuedUpload) -> None:
        """Make the entry due."""
        self._check()
        entry = self._entries.get(token)
        if entry is None or not entry.owned:
            self._add(upload, self.clock(), owned=False)
            return
        entry.claimed = replace(entry.claimed, upload=upload)
        entry.due, entry.owned = self.clock(), False

    async def withdraw(self, token: str) -> None:
        """Remove the entry."""
        self._check()
        self._entries.pop(token, None)

    async def leave(self, token: str) -> None:
        """Make the entry due later."""
        self._check()
        entry = self._entries[token]
        entry.due, entry.owned = self.clock() + self.settings.lease_s, False

    async def claim(self) -> Claimed | None:
        """Return the entry that is due first."""
        self._check()
        due = [entry for entry in self._entries.values() if entry.due <= self.clock()]
        if not due:
            return None
        entry = min(due, key=lambda each: each.due)
        entry.claimed = replace(entry.claimed, attempts=entry.claimed.attempts + 1)
        entry.due, entry.owned = self.clock() + self.settings.lease_s, True
        return entry.claimed

    async def renew(self) -> None:
        """Renew what is owned."""
        self._check()
        for entry in self._entries.values():
            if entry.owned:
                entry.due = self.clock() + self.settings.lease_s

    async def complete(self, claimed: Claimed) -> None:
        """Remove the entry."""
        await self.withdraw(claimed.token)

    async def retry(self, claimed: Claimed, pause_s: float) -> None:
        """Make the entry due later."""
        self._check()
        entry = self._entries[claimed.token]
        entry.due, entry.owned = self.clock() + pause_s, False

    async def depth(self) -> Depth:
        """Return the number of entries, and the age of the oldest."""
        self._check()
        added = [entry.claimed.added for entry in self._entries.values()]
        return Depth(len(added), self.clock() - min(added) if added else 0.0)

    def _add(self, upload: QueuedUpload, due: float, *, owned: bool) -> str:
        token = str(next(self._numbers))
        claimed = Claimed(token, upload, self.clock(), 0)
        self._entries[token] = _Entry(claimed, due, owned)
        return token

    def _check(self) -> None:
        if self.broken:
            raise QueueUnavailable("broken")
