"""Bounds on what is held for a while: memory, room on disk."""

import contextlib
from collections.abc import Iterator

from gateway.errors import S3Error


class Budget:
    """Bound the sum of something that is held for a while.

    Args:
        total: How much may be held at once.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._shared: dict[int, int] = {}

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

    def give_back(self, amount: int) -> None:
        """Return what was reserved."""
        self._free += amount

    @contextlib.contextmanager
    def holding(self, amount: int) -> Iterator[None]:
        """Hold that much for as long as the block lasts.

        Raises:
            S3Error: SlowDown where there is not so much.
        """
        if not self.reserve(amount):
            raise S3Error("SlowDown")
        try:
            yield
        finally:
            self.give_back(amount)

    @contextlib.contextmanager
    def sharing(self, data: bytes) -> Iterator[None]:
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
                self.give_back(len(data))
