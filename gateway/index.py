"""What clients see of objects, remembered: so that listings need not ask for each one.

The bucket is the truth. An entry holds for one stored ETag only, so that it can never be wrong, and
losing all of them costs nothing but HEAD requests.
"""

from collections import OrderedDict
from typing import NamedTuple


class View(NamedTuple):
    """What a listing shows of a managed object.

    Attributes:
        size: Bytes of the upload.
        etag: As served, without quotes.
    """

    size: int
    etag: str


class LogicalIndex:
    """Remember, for (bucket, key, stored ETag), the view of the object; None: it is plain.

    Args:
        max_entries: How many objects are remembered; the ones used longest ago are forgotten.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[tuple[str, str], tuple[str, View | None]] = OrderedDict()

    def put(self, bucket: str, key: str, stored_etag: str, view: View | None) -> None:
        """Remember one object; what was known of an earlier one under that key is replaced."""
        self._entries[bucket, key] = (stored_etag, view)
        self._entries.move_to_end((bucket, key))
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def knows(self, bucket: str, key: str, stored_etag: str) -> bool:
        """Tell whether :meth:`get` has an answer for exactly this object."""
        entry = self._entries.get((bucket, key))
        return entry is not None and entry[0] == stored_etag

    def get(self, bucket: str, key: str, stored_etag: str) -> View | None:
        """Give the view of a managed object; None for a plain or an unknown one."""
        if not self.knows(bucket, key, stored_etag):
            return None
        self._entries.move_to_end((bucket, key))
        return self._entries[bucket, key][1]

    def managed(self, bucket: str, key: str) -> bool:
        """Guess whether the key holds a managed object now: true when it last did."""
        entry = self._entries.get((bucket, key))
        return entry is not None and entry[1] is not None
