"""What the gateway notes of objects, on its way to the index."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from cachetools import LRUCache

from slimgate.gateway.s3.listing_xml import LogicalView
from slimgate.gateway.storage.listing_index import (
    Entry,
    Known,
    ListedObject,
    ListingIndex,
    ObjectState,
)

_PAUSE_S: Final = 0.2
_MAX_PENDING: Final = 10_000
"""Most entries that wait; each takes about 1 KiB."""

_BATCH: Final = 1_000
_MANAGED: Final = 1 << 16
"""Most keys that a process remembers as managed."""

_SPREAD: Final = 1_000
"""Most buckets with managed objects outside every policy."""

_HINT: Final = (
    "listings of the bucket now ask for every object; name its prefix in a policy with mode off"
)

_log = structlog.get_logger(__name__)


class BufferedIndex:
    """Write entries to the index in batches, so that requests do not wait for it.

    Args:
        index: The index; opened and closed with this.
        is_listed: Returns whether listings ask for plain objects of this bucket and key.
    """

    def __init__(
        self,
        index: ListingIndex,
        is_listed: Callable[[str, str], bool] = lambda _bucket, _key: True,
    ) -> None:
        self._index = index
        self._is_listed = is_listed
        self._pending: dict[tuple[str, Entry], None] = {}  # in order; hot objects once
        self._writing = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._spread: LRUCache[str, bool] = LRUCache(_SPREAD)
        self._managed: LRUCache[tuple[str, str], bool] = LRUCache(_MANAGED)

    async def open(self) -> None:
        """Open the index.

        Raises:
            IndexUnusable: It cannot be used.
        """
        await self._index.open()

    async def close(self) -> None:
        """Write what is left, and close the index."""
        if self._timer is not None:
            self._timer.cancel()
        await self.flush()
        await self._index.close()

    def put(
        self,
        bucket: str,
        key: str,
        seen: ObjectState,
        view: LogicalView | None,
        *,
        version_id: str | None = None,
    ) -> None:
        """Note an object; entries beyond those that may wait are dropped.

        Args:
            bucket: Bucket name.
            key: Decoded key.
            seen: The object.
            view: What listings show; None: it is plain.
            version_id: Version that was asked for; None: the current one.
        """
        if version_id is None:
            self._managed[bucket, key] = view is not None
        if view is not None:
            self.meet(bucket, key)
        elif not (bucket in self._spread or self._is_listed(bucket, key)):
            return
        if not seen.is_settled or len(self._pending) >= _MAX_PENDING:
            return
        noted = bucket, Entry(key, version_id, seen, view)
        self._pending.pop(noted, None)
        self._pending[noted] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE_S, self._begin_flush)

    def is_spread(self, bucket: str) -> bool:
        """Return whether this process has met a managed object that no policy names there."""
        return bucket in self._spread

    def meet(self, bucket: str, key: str) -> None:
        """Note that an object is managed: listings must look wherever such objects are."""
        if self._is_listed(bucket, key) or bucket in self._spread:
            return
        self._spread[bucket] = True
        _log.warning("managed object outside every policy", bucket=bucket, key=key, hint=_HINT)

    def managed(self, bucket: str, key: str) -> bool:
        """Return whether the key held a managed object when this process last met it."""
        return self._managed.get((bucket, key), False)

    async def find(self, bucket: str, page: Sequence[ListedObject]) -> list[Known | None]:
        """Look up the objects of a page; one result per object, None: unknown."""
        await self.flush()
        return await self._index.get(bucket, page)

    async def flush(self) -> None:
        """Write all entries noted so far."""
        if not self._pending and not self._writing.locked():
            return
        async with self._writing:
            pending, self._pending = self._pending, {}
            of_bucket: dict[str, list[Entry]] = defaultdict(list)
            for bucket, entry in pending:
                of_bucket[bucket].append(entry)
            for bucket, entries in of_bucket.items():
                for start in range(0, len(entries), _BATCH):
                    await self._index.put(bucket, entries[start : start + _BATCH])

    def _begin_flush(self) -> None:
        self._timer = None
        self._flushing = asyncio.create_task(self.flush())
