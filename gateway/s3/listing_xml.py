"""Edit listing pages in place, leaving everything else as the upstream wrote it.

Servers write pages without attributes or namespace prefixes, and escape angle brackets in keys. If
a page looks different, the caller parses and rewrites it as a whole.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Final, NamedTuple

_ENTRY: Final = re.compile(rb"<(Contents|Version)>.*?</\1>", re.DOTALL)
_SIZE: Final = re.compile(rb"<Size>[^<]*</Size>")
_ETAG: Final = re.compile(rb"<ETag>[^<]*</ETag>")
_MODIFIED: Final = re.compile(rb"<LastModified>[^<]*</LastModified>")
_COUNT: Final = re.compile(rb"(<KeyCount>)([0-9]{1,9})<")
_CHECKSUM: Final = re.compile(rb"<(Checksum(?:Algorithm|Type))>[^<]*</\1>")


class LogicalView(NamedTuple):
    """Logical properties of a managed object in a listing.

    Attributes:
        size: Size of the upload, bytes.
        etag: Served ETag, without quotes.
        modified: Last-Modified, UTC; None: that of the stored object.
    """

    size: int
    etag: str
    modified: datetime | None = None


class Gone(Enum):
    """An entry to leave out: its object has been deleted since the store listed it."""

    GONE = "gone"


Shown = LogicalView | Gone | None
"""What a listing shows of an entry; None: what the store shows."""


def with_logical_sizes(page: bytes, views: Sequence[Shown]) -> bytes | None:
    """Replace sizes, ETags and times of managed objects in a page.

    Args:
        page: Page as the upstream wrote it.
        views: One per entry, in order.

    Returns:
        The page, or None if its entries cannot be told apart with certainty.
    """
    entries = list(_ENTRY.finditer(page))
    if len(entries) != len(views):
        return None
    pieces, done = [], 0
    for entry, view in zip(entries, views, strict=True):
        if view is None:
            continue
        edited = b"" if isinstance(view, Gone) else _edited(entry.group(), view)
        if edited is None:
            return None
        pieces += [page[done : entry.start()], edited]
        done = entry.end()
    return _counted(b"".join([*pieces, page[done:]]), views.count(Gone.GONE))


def listed_time(time: datetime) -> str:
    """Return a UTC time as listings and copy results show it: with milliseconds."""
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"


def parse_listed_time(text: str) -> datetime | None:
    """Parse a time in a listing or a copy result, always UTC; None if invalid."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def _counted(page: bytes, omitted: int) -> bytes:
    """Correct the number of keys for omitted entries."""
    if not omitted:
        return page
    return _COUNT.sub(lambda found: b"%b%d<" % (found[1], int(found[2]) - omitted), page, 1)


def _edited(entry: bytes, view: LogicalView) -> bytes | None:
    entry, sizes = _SIZE.subn(b"<Size>%d</Size>" % view.size, entry)
    entry, etags = _ETAG.subn(b"<ETag>&quot;%s&quot;</ETag>" % view.etag.encode("ascii"), entry)
    times = 1
    if view.modified is not None:
        time = listed_time(view.modified).encode("ascii")
        entry, times = _MODIFIED.subn(b"<LastModified>%s</LastModified>" % time, entry)
    return _CHECKSUM.sub(b"", entry) if (sizes, etags, times) == (1, 1, 1) else None
