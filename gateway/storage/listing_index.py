"""Index of logical sizes and ETags, so that listings need not HEAD every object.

The bucket is the truth: losing all entries costs HEAD requests only. The stored ETag alone does not
identify an object, because two files with the same pixels may yield the same rendition with
different manifests. An entry therefore applies to one version, and only while the object has not
been modified since the store described it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self

from cachetools import LRUCache

from gateway.s3 import headers
from gateway.s3.http_date import parse_http_date
from gateway.s3.listing_xml import LogicalView

_SECOND: Final = timedelta(seconds=1)
_UNVERSIONED: Final = "null"
"""Version ID of unversioned objects in listings."""


class ObjectState(NamedTuple):
    """An object as a response about it described it.

    Attributes:
        etag: Stored ETag without quotes.
        version_id: Version ID as in listings.
        until: Objects modified later are different ones; by the clock of the store, aware, whole
            seconds.
    """

    etag: str
    version_id: str
    until: datetime

    @classmethod
    def of(cls, answered: Mapping[str, str]) -> Self:
        """Return the object that a response to GET or HEAD describes.

        Args:
            answered: Response headers, case-insensitive.
        """
        written = cls.of_write(answered, headers.bare_etag(answered))
        # It may be overwritten within the second of the response.
        return written._replace(until=written.until - _SECOND)

    @classmethod
    def of_write(cls, answered: Mapping[str, str], etag: str) -> Self:
        """Return the object that a response to a write describes.

        Args:
            answered: Response headers, case-insensitive.
            etag: ETag in the response, without quotes.
        """
        until = parse_http_date(answered.get("Date", "")) or datetime.now(UTC)
        return cls(etag, answered.get("x-amz-version-id") or _UNVERSIONED, until)


class ListedObject(NamedTuple):
    """An object in a listing.

    Attributes:
        etag: Stored ETag without quotes.
        modified: Last-Modified, aware; None: not in the listing.
        version_id: Version ID; None in a listing of current versions.
    """

    etag: str
    modified: datetime | None
    version_id: str | None = None

    def is_of(self, seen: ObjectState) -> bool:
        """Return whether this is the described object, and not a later one."""
        if self.etag != seen.etag or self.version_id not in {None, seen.version_id}:
            return False
        # Responses have whole seconds; some listings are more precise.
        return self.modified is not None and self.modified.replace(microsecond=0) <= seen.until


class LogicalIndex:
    """Map (bucket, key) to the last described object and its view; None: it is plain.

    Args:
        max_entries: Most entries; the least recently used ones are dropped.
    """

    def __init__(self, max_entries: int) -> None:
        self._entries: LRUCache[tuple[str, str], tuple[ObjectState, LogicalView | None]]
        self._entries = LRUCache(max_entries)

    def put(self, bucket: str, key: str, seen: ObjectState, view: LogicalView | None) -> None:
        """Store an object, replacing an earlier one under the same key."""
        if self._entries.maxsize:
            self._entries[bucket, key] = (seen, view)

    def knows(self, bucket: str, key: str, listed: ListedObject) -> bool:
        """Return whether :meth:`get` has an entry for exactly this object."""
        entry = self._entries.get((bucket, key))
        return entry is not None and listed.is_of(entry[0])

    def get(self, bucket: str, key: str, listed: ListedObject) -> LogicalView | None:
        """Return the view of a managed object; None for a plain or unknown one."""
        if not self.knows(bucket, key, listed):
            return None
        return self._entries[bucket, key][1]

    def managed(self, bucket: str, key: str) -> bool:
        """Return whether the key held a managed object when last described."""
        entry = self._entries.get((bucket, key))
        return entry is not None and entry[1] is not None
