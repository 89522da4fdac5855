"""The index in the memory of one process."""

import hashlib
import random
from collections.abc import Sequence

from slimgate.gateway.storage.index import record
from slimgate.gateway.storage.listing_index import ADMITTED, Entry, Known, ListedObject


class MemoryIndex:
    """Hold entries in this process; an entry takes about 180 bytes.

    When there is no room, admitted entries replace the oldest.

    Args:
        max_entries: Most entries.
        chance: Returns a number from 0 to 1 for each new entry; admitted below ``ADMITTED``.
    """

    def __init__(self, max_entries: int, *, chance: random.Random | None = None) -> None:
        self._max_entries = max_entries
        self._random = chance or random.Random()  # noqa: S311  # no secret
        self._records: dict[bytes, bytes] = {}

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Drop everything."""
        self._records.clear()

    @property
    def entries(self) -> int:
        """Return the number of entries."""
        return len(self._records)

    async def get(self, bucket: str, page: Sequence[ListedObject]) -> list[Known | None]:
        """Look up all objects of a page."""
        return [self._known(bucket, listed) for listed in page]

    async def put(self, bucket: str, entries: Sequence[Entry]) -> None:
        """Store entries."""
        for entry in entries:
            packed = record.packed(entry)
            if packed is not None:
                self._put(_digest(bucket, record.name(entry.key, entry.version_id)), packed)

    def _known(self, bucket: str, listed: ListedObject) -> Known | None:
        found = (self._records.get(_digest(bucket, name)) for name in record.names(listed))
        return record.first_match(listed, (data for data in found if data is not None))

    def _put(self, name: bytes, packed: bytes) -> None:
        old = self._records.get(name)
        merged = record.merged(old, packed)
        if merged is None:
            del self._records[name]
        elif old is not None or self._has_room():
            self._records[name] = merged

    def _has_room(self) -> bool:
        """Return whether a new entry may be stored, after removing another if necessary."""
        if len(self._records) < self._max_entries:
            return True
        if not self._records or self._random.random() >= ADMITTED:
            return False
        del self._records[next(iter(self._records))]
        return True


def _digest(bucket: str, name: str) -> bytes:
    octets = f"{bucket}\0{name}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(octets, digest_size=15).digest()
