"""Index of sizes and ETags of uploads, so that listings need not HEAD every object.

The bucket is the truth: losing all entries costs HEAD requests only. The stored ETag alone does not
identify an object, because two files with the same pixels may yield the same rendition with
different manifests. An entry therefore applies only to an object that was last modified within a
given time. Deleting or overwriting an object needs no change of the index.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol, Self

from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.http_date import parse_http_date
from slimgate.gateway.s3.listing_xml import LogicalView

UNVERSIONED: Final = "null"
"""Version ID of unversioned objects in listings."""

_CLOCK_S: Final = 2
"""Allowance for rounding, when a write began by the clock of the store."""


class ObjectState(NamedTuple):
    """An object as a response about it described it.

    Times are those of the store's clock, whole seconds since 1970, both inclusive.

    Attributes:
        etag: Stored ETag without quotes.
        version_id: Version ID as in listings.
        since: Earliest possible Last-Modified.
        until: Latest possible Last-Modified; objects modified later are different ones.
        is_seen: The object was looked at after ``until``; otherwise it was written, and another
            write in the same second is possible.
    """

    etag: str
    version_id: str
    since: int
    until: int
    is_seen: bool

    @classmethod
    def of(cls, answered: Mapping[str, str]) -> Self:
        """Return the object that a response to GET or HEAD describes.

        Args:
            answered: Response headers, case-insensitive.
        """
        modified = parse_http_date(answered.get("Last-Modified", ""))
        since = _date(answered) if modified is None else int(modified.timestamp())
        # It may be overwritten within the second of the response.
        until = min(since, _date(answered) - 1)
        return cls(headers.bare_etag(answered), _version_id(answered), since, until, is_seen=True)

    @classmethod
    def of_write(cls, answered: Mapping[str, str], etag: str, elapsed_s: float) -> Self:
        """Return the object that a response to a write describes.

        Args:
            answered: Response headers, case-insensitive.
            etag: ETag in the response, without quotes.
            elapsed_s: Time since the request was sent, or earlier, seconds.
        """
        until = _date(answered)
        since = until - math.ceil(elapsed_s) - _CLOCK_S
        return cls(etag, _version_id(answered), since, until, is_seen=False)

    @property
    def is_settled(self) -> bool:
        """Return whether any listed object can be this one with certainty."""
        return self.since <= self.until


class ListedObject(NamedTuple):
    """An object in a listing.

    Attributes:
        key: Decoded key.
        etag: Stored ETag without quotes.
        modified: Last-Modified, seconds since 1970; None: not in the listing. Responses have whole
            seconds; some listings are more precise.
        version_id: Version ID; None in a listing of current versions.
        size: Stored size, bytes; None: not in the listing.
    """

    key: str
    etag: str
    modified: int | None
    version_id: str | None = None
    size: int | None = None

    def is_of(self, seen: ObjectState) -> bool:
        """Return whether this is the described object, and not an earlier or later one."""
        if self.etag != seen.etag or self.version_id not in {None, seen.version_id}:
            return False
        return self.modified is not None and seen.since <= self.modified <= seen.until


class Entry(NamedTuple):
    """An entry to write.

    Attributes:
        key: Decoded key.
        version_id: Version that was asked for; None: the current one.
        state: The object.
        view: What listings show; None: the object is plain.
    """

    key: str
    version_id: str | None
    state: ObjectState
    view: LogicalView | None


class Known(NamedTuple):
    """What the index knows of a listed object.

    Attributes:
        view: What listings show; None: the object is plain.
    """

    view: LogicalView | None


class ListingIndex(Protocol):
    """An index of objects of one store; any entry may vanish at any time.

    There is one entry for the current version of each key, and one for each version that was asked
    for by its ID. Entries are bounded in number. When there is no room, a new entry takes the place
    of an old one with a probability of :data:`ADMITTED`, so that a listing of more objects than fit
    does not evict what the next one will ask for.

    No method but :meth:`open` raises: a broken index behaves like an empty one.
    """

    async def open(self) -> None:
        """Acquire all resources; :meth:`close` is called in any case.

        Raises:
            IndexUnusable: Go on with another index.
        """
        ...

    async def close(self) -> None:
        """Release all resources."""
        ...

    async def get(self, bucket: str, page: Sequence[ListedObject]) -> list[Known | None]:
        """Look up all objects of a page at once.

        Args:
            bucket: Bucket name.
            page: The listed objects.

        Returns:
            One per object; None: unknown.
        """
        ...

    async def put(self, bucket: str, entries: Sequence[Entry]) -> None:
        """Store entries, each replacing the one of the same key and version.

        Two writes in the same second that yield the same rendition with different views cancel each
        other: only a look at the object tells which of them is stored.
        """
        ...


class IndexUnusable(Exception):
    """The index cannot be opened; the message says why."""


ADMITTED: Final = 1 / 8
"""Share of new entries that replace others once an index is full.

This is bimodal insertion (Qureshi et al., "Adaptive insertion policies for high performance
caching", ISCA 2007): of a bucket with N objects that is listed again and again, an index of C
entries knows nearly C / N, where one that evicts what was used longest ago knows nothing.
"""


def _date(answered: Mapping[str, str]) -> int:
    return int((parse_http_date(answered.get("Date", "")) or datetime.now(UTC)).timestamp())


def _version_id(answered: Mapping[str, str]) -> str:
    return answered.get("x-amz-version-id") or UNVERSIONED
