"""Listing pages, edited in place: what need not change stays as the upstream wrote it.

Servers write pages without attributes or name prefixes, and escape every angle bracket of a key;
where a page looks otherwise, the caller parses and writes it as a whole.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

_ENTRY: Final = re.compile(rb"<(Contents|Version)>.*?</\1>", re.DOTALL)
_SIZE: Final = re.compile(rb"<Size>[^<]*</Size>")
_ETAG: Final = re.compile(rb"<ETag>[^<]*</ETag>")
_CHECKSUM: Final = re.compile(rb"<(Checksum(?:Algorithm|Type))>[^<]*</\1>")


class View(NamedTuple):
    """What a listing shows of a managed object.

    Attributes:
        size: Bytes of the upload.
        etag: As served, without quotes.
    """

    size: int
    etag: str


def with_logical_sizes(page: bytes, views: Sequence[View | None]) -> bytes | None:
    """Put sizes and ETags as clients see them into a page.

    Args:
        page: As the upstream wrote it.
        views: One for each entry of the page, in order; None: the entry stays as it is.

    Returns:
        The page, or None when its entries cannot be told apart with certainty.
    """
    entries = list(_ENTRY.finditer(page))
    if len(entries) != len(views):
        return None
    pieces, done = [], 0
    for entry, view in zip(entries, views, strict=True):
        if view is None:
            continue
        edited = _edited(entry.group(), view)
        if edited is None:
            return None
        pieces += [page[done : entry.start()], edited]
        done = entry.end()
    return b"".join([*pieces, page[done:]])


def _edited(entry: bytes, view: View) -> bytes | None:
    entry, sizes = _SIZE.subn(b"<Size>%d</Size>" % view.size, entry)
    entry, etags = _ETAG.subn(b"<ETag>&quot;%s&quot;</ETag>" % view.etag.encode("ascii"), entry)
    return _CHECKSUM.sub(b"", entry) if (sizes, etags) == (1, 1) else None
