"""Bounds on bytes held at a time, in memory or on disk."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from slimgate.gateway.s3.errors import S3Error


class Quota(Protocol):
    """A limited number of bytes that can be reserved and released."""

    @property
    def total(self) -> int:
        """Return the most bytes that may be held by all."""
        ...

    def reserve(self, amount: int) -> bool:
        """Reserve bytes; return False and reserve nothing if they do not fit."""
        ...

    def release(self, amount: int) -> None:
        """Release reserved bytes."""
        ...


class ByteBudget:
    """Bound the number of bytes held at a time.

    Args:
        total: Most bytes held at a time.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._shared: dict[int, int] = {}
        self._clients: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """Return the most bytes that may be held."""
        return self._total

    @property
    def held(self) -> int:
        """Return the number of bytes held now."""
        return self._total - self._free

    def reserve(self, amount: int) -> bool:
        """Reserve bytes; return False and reserve nothing if they do not fit."""
        if amount > self._free:
            return False
        self._free -= amount
        return True

    def release(self, amount: int) -> None:
        """Release reserved bytes."""
        self._free += amount

    def client_quota(self, client: str | None, share: float) -> Quota:
        """Return the quota for one upload of a client.

        Args:
            client: Client address; None: no per-client share applies.
            share: Largest share, 0 to 1, of one client. A client's only upload may exceed it.
        """
        return self if client is None else _ClientQuota(self, self._clients, client, share)

    @contextlib.contextmanager
    def reserved(self, amount: int) -> Iterator[None]:
        """Reserve bytes for the duration of the block.

        Raises:
            S3Error: SlowDown if they do not fit.
        """
        if not self.reserve(amount):
            raise S3Error("SlowDown")
        try:
            yield
        finally:
            self.release(amount)

    @contextlib.contextmanager
    def shared(self, data: bytes | bytearray) -> Iterator[None]:
        """Reserve bytes for the duration of the block; concurrent holders of one object count once.

        Raises:
            S3Error: SlowDown if they do not fit.
        """
        # The holders keep the object alive, so its id() stays unique.
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
    """Reservations of one upload, limited by the share of its client."""

    def __init__(self, whole: ByteBudget, clients: Counter[str], client: str, share: float) -> None:
        self._whole = whole
        self._clients = clients
        self._client = client
        self._most = int(whole.total * share)
        self._own = 0

    @property
    def total(self) -> int:
        """Return the most bytes that may be held by all."""
        return self._whole.total

    def reserve(self, amount: int) -> bool:
        """Reserve bytes; return False and reserve nothing if they do not fit."""
        held = self._clients[self._client]
        alone = held == self._own
        if (not alone and held + amount > self._most) or not self._whole.reserve(amount):
            return False
        self._count(amount)
        return True

    def release(self, amount: int) -> None:
        """Release reserved bytes."""
        self._whole.release(amount)
        self._count(-amount)

    def _count(self, amount: int) -> None:
        self._own += amount
        self._clients[self._client] += amount
        if not self._clients[self._client]:
            del self._clients[self._client]
