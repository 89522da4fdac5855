"""Bounds on what is held for a while: memory, room on disk."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from gateway.s3.errors import S3Error


class Quota(Protocol):
    """Something that is held for a while, and of which there is only so much."""

    def reserve(self, amount: int) -> bool:
        """Take that much, or nothing and tell so."""
        ...

    def release(self, amount: int) -> None:
        """Return what was reserved."""
        ...


class ByteBudget:
    """Bound the sum of something that is held for a while.

    Args:
        total: How much may be held at once.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._shared: dict[int, int] = {}
        self._clients: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """Give how much may be held at once."""
        return self._total

    @property
    def held(self) -> int:
        """Give how much is held now."""
        return self._total - self._free

    def reserve(self, amount: int) -> bool:
        """Take that much, or nothing and tell so."""
        if amount > self._free:
            return False
        self._free -= amount
        return True

    def release(self, amount: int) -> None:
        """Return what was reserved."""
        self._free += amount

    def client_quota(self, client: str | None, share: float) -> Quota:
        """Return the room that is left to one upload of a client.

        Args:
            client: Its address; None: no share binds it.
            share: The largest part that the client may hold; one upload may always hold more.
        """
        return self if client is None else _ClientQuota(self, self._clients, client, share)

    @contextlib.contextmanager
    def reserved(self, amount: int) -> Iterator[None]:
        """Hold that much for as long as the block lasts.

        Raises:
            S3Error: SlowDown where there is not so much.
        """
        if not self.reserve(amount):
            raise S3Error("SlowDown")
        try:
            yield
        finally:
            self.release(amount)

    @contextlib.contextmanager
    def shared(self, data: bytes) -> Iterator[None]:
        """Hold some bytes for as long as the block lasts; several holders of the same count once.

        Raises:
            S3Error: SlowDown where there is no room for them.
        """
        # The holders keep the object alive, and with it its identity.
        name = id(data)
        holders = self._shared.get(name, 0)
        if not holders and not self.reserve(len(data)):
            raise S3Error("SlowDown")
        self._shared[name] = holders + 1
        try:
            yield
        finally:
            self._shared[name] -= 1
            if not self._shared[name]:
                del self._shared[name]
                self.release(len(data))


class _ClientQuota:
    """What one upload takes of a budget, within the share of its client."""

    def __init__(self, whole: ByteBudget, clients: Counter[str], client: str, share: float) -> None:
        self._whole = whole
        self._clients = clients
        self._client = client
        self._most = int(whole.total * share)
        self._own = 0

    def reserve(self, amount: int) -> bool:
        """Take that much, or nothing and tell so."""
        held = self._clients[self._client]
        alone = held == self._own
        if (not alone and held + amount > self._most) or not self._whole.reserve(amount):
            return False
        self._count(amount)
        return True

    def release(self, amount: int) -> None:
        """Return what was reserved."""
        self._whole.release(amount)
        self._count(-amount)

    def _count(self, amount: int) -> None:
        self._own += amount
        self._clients[self._client] += amount
        if not self._clients[self._client]:
            del self._clients[self._client]
