"""What clients see of objects, remembered: so that listings need not ask for each one.

The bucket is the truth, and losing all entries costs nothing but HEAD requests. The stored ETag
alone does not tell which object an entry is of: two files of the same pixels may become the same
rendition, with other manifests. An entry therefore holds for one version, and only as long as the
object has not been written to since the store told of it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self

from cachetools import LRUCache

from gateway.s3 import headers
from gateway.s3.http_date import parse_http_date
from gateway.s3.listing_xml import View

_SECOND: Final = timedelta(seconds=1)
_UNVERSIONED: Final = "null"
"""What listings call the only version of an object."""


class Sighting(NamedTuple):
    """An object as the store told of it in an answer about it alone.

    Attributes:
        etag: Of what is stored, without quotes.
        version_id: As listings call it.
        until: Whatever was written later is another object; by the store's own clock, aware, whole
            seconds.
    """

    etag: str
    version_id: str
    until: datetime

    @classmethod
    def of(cls, answered: Mapping[str, str]) -> Self:
        """Read it from the headers of the answer to a GET or HEAD.

        Args:
            answered: The headers, without regard to case.
        """
        written = cls.of_write(answered, headers.bare_etag(answered))
        # It may be overwritten in the very second in which it was looked at.
        return written._replace(until=written.until - _SECOND)

    @classmethod
    def of_write(cls, answered: Mapping[str, str], etag: str) -> Self:
        """Read it from the headers of the answer to what has written it.

        Args:
            answered: The headers, without regard to case.
            etag: As the answer tells it, without quotes.
        """
        until = parse_http_date(answered.get("Date", "")) or datetime.now(UTC)
        return cls(etag, answered.get("x-amz-version-id") or _UNVERSIONED, until)


class Listed(NamedTuple):
    """An object as a listing shows it.

    Attributes:
        etag: Of what is stored, without quotes.
        modified: When it was written, aware; None: the listing does not tell.
        version_id: None in a listing of current versions.
    """

    etag: str
    modified: datetime | None
    version_id: str | None = None

    def is_of(self, seen: Sighting) -> bool:
        """Return whether this is the object that was seen, and not one that replaced it."""
        if self.etag != seen.etag or self.version_id not in {None, seen.version_id}:
            return False
        # Answers tell whole seconds; some listings are more precise.
        return self.modified is not None and self.modified.replace(microsecond=0) <= seen.until


class LogicalIndex:
    """Remember, for (bucket, key), what was seen there, and its view; None: it is plain.

    Args:
        max_entries: How many objects are remembered; the ones used longest ago are forgotten.
    """

    def __init__(self, max_entries: int) -> None:
        self._entries: LRUCache[tuple[str, str], tuple[Sighting, View | None]]
        self._entries = LRUCache(max_entries)

    def put(self, bucket: str, key: str, seen: Sighting, view: View | None) -> None:
        """Remember one object; what was known of an earlier one under that key is replaced."""
        if self._entries.maxsize:
            self._entries[bucket, key] = (seen, view)

    def knows(self, bucket: str, key: str, listed: Listed) -> bool:
        """Return whether :meth:`get` has an answer for exactly this object."""
        entry = self._entries.get((bucket, key))
        return entry is not None and listed.is_of(entry[0])

    def get(self, bucket: str, key: str, listed: Listed) -> View | None:
        """Return the view of a managed object; None for a plain or an unknown one."""
        if not self.knows(bucket, key, listed):
            return None
        return self._entries[bucket, key][1]

    def managed(self, bucket: str, key: str) -> bool:
        """Guess whether the key holds a managed object now: true when it last did."""
        entry = self._entries.get((bucket, key))
        return entry is not None and entry[1] is not None
