"""Two indexes: one near, and one that is shared with others.

Of two writes in one second through two gateways, the far index alone knows both. The near one
therefore holds only what was looked at, and what the far one knew when such writes were over.
"""

import time
from collections.abc import Sequence
from typing import Final

from slimgate.gateway.storage.listing_index import (
    Entry,
    Known,
    ListedObject,
    ListingIndex,
    ObjectState,
)

_OVER_S: Final = 60
"""Age of an object at which all writes of its second are known, clocks that differ included."""


class LayeredIndex:
    """Look in a near index first, then in a far one for what the near one does not know.

    Args:
        near: Asked first, and told what the far one knows.
        far: Asked for the rest.
    """

    def __init__(self, near: ListingIndex, far: ListingIndex) -> None:
        self._near = near
        self._far = far

    async def open(self) -> None:
        """Open both.

        Raises:
            IndexUnusable: One of them cannot be opened.
        """
        await self._near.open()
        await self._far.open()

    async def close(self) -> None:
        """Close both."""
        await self._near.close()
        await self._far.close()

    async def get(self, bucket: str, page: Sequence[ListedObject]) -> list[Known | None]:
        """Look up all objects of a page."""
        found = await self._near.get(bucket, page)
        missing = [place for place, known in enumerate(found) if known is None]
        if not missing:
            return found
        far = await self._far.get(bucket, [page[place] for place in missing])
        learned = []
        for place, known in zip(missing, far, strict=True):
            if known is not None:
                found[place] = known
                if (page[place].modified or 0) < time.time() - _OVER_S:
                    learned.append(_entry(page[place], known))
        if learned:
            await self._near.put(bucket, learned)
        return found

    async def put(self, bucket: str, entries: Sequence[Entry]) -> None:
        """Store entries in the far index, and those of objects that were looked at in both."""
        seen = [entry for entry in entries if entry.state.is_seen]
        if seen:
            await self._near.put(bucket, seen)
        await self._far.put(bucket, entries)


def _entry(listed: ListedObject, known: Known) -> Entry:
    """Return the entry of a listed object that the far index has recognized."""
    modified = listed.modified or 0
    state = ObjectState(listed.etag, listed.version_id or "", modified, modified, is_seen=False)
    return Entry(listed.key, listed.version_id, state, known.view)
