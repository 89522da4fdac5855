"""Listings: managed objects appear with the size and ETag of their upload."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from aiohttp import web

from gateway.handlers.call import Call, forwarded
from gateway.handlers.listed_views import ListedViews
from gateway.handlers.passthrough import PassThrough
from gateway.s3 import headers
from gateway.s3 import xml as s3xml
from gateway.s3.errors import S3Error
from gateway.s3.listing_xml import LogicalView, listed_time, parse_listed_time, with_logical_sizes
from gateway.storage.listing_index import ListedObject
from gateway.storage.messages import read_bounded

_ROOTS: Final = frozenset({"ListBucketResult", "ListVersionsResult"})
_ENTRIES: Final = frozenset({"Contents", "Version"})
_MAX_BYTES: Final = 16 << 20  # 1,000 keys of 1 KiB, percent-encoded, with owners
_LARGE: Final = 1 << 16
_CHECKSUMS: Final = ("ChecksumAlgorithm", "ChecksumType")


class ListObjects:
    """Handle ListObjects, ListObjectsV2 and ListObjectVersions.

    Pages without managed objects stay unchanged, and so do all pages of buckets that no policy
    names.

    Args:
        listed: Finds what clients see of managed objects.
        plain: Streams responses of the store.
    """

    def __init__(self, listed: ListedViews, plain: PassThrough) -> None:
        self._listed = listed
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Handle a request."""
        async with call.client.send(forwarded(call)) as response:
            asks = self._listed.asks_about(call.target.bucket)
            if response.status != HTTPStatus.OK or not asks:
                return await self._plain.answer(call, response)
            page = await read_bounded(response, _MAX_BYTES)
            shown = headers.end_to_end(response.headers.items())
        return call.whole(shown, await self._rewritten(call, page))

    async def _rewritten(self, call: Call, page: bytes) -> bytes:
        # A page of 1,000 entries takes tens of milliseconds to parse, and to write.
        parsed = await asyncio.to_thread(_parsed, page) if len(page) > _LARGE else _parsed(page)
        if parsed is None:
            return page
        views = await self._views(call, parsed.entries)
        if not views:
            return page
        if len(page) > _LARGE:
            return await asyncio.to_thread(_edited, page, parsed, views)
        return _edited(page, parsed, views)

    async def _views(self, call: Call, entries: Sequence["_Entry"]) -> dict["_Entry", LogicalView]:
        """Return what clients see of managed entries."""
        page = [entry.listed for entry in entries]
        views = await self._listed.of(call.client, call.target.bucket, page)
        found = zip(entries, views, strict=True)
        return {entry: view for entry, view in found if view is not None}


def _parsed(page: bytes) -> "_Page | None":
    """Parse a page; None: it is not a listing."""
    try:
        root = s3xml.parse(page)
    except S3Error:
        root = s3xml.parse(s3xml.sanitized(page))
    if s3xml.name(root) not in _ROOTS:
        return None
    encoded = s3xml.text(root, "EncodingType") == "url"
    entries = [_entry(child, encoded) for child in root if s3xml.name(child) in _ENTRIES]
    return _Page(root, entries)


def _edited(page: bytes, parsed: "_Page", views: Mapping["_Entry", LogicalView]) -> bytes:
    edited = with_logical_sizes(page, [views.get(entry) for entry in parsed.entries])
    if edited is not None:
        return edited
    for entry, view in views.items():
        _show(entry.element, view)
    return s3xml.write(parsed.root)


class _Entry(NamedTuple):
    """An object or version in a page."""

    element: s3xml.Element
    listed: ListedObject


class _Page(NamedTuple):
    """A parsed page."""

    root: s3xml.Element
    entries: Sequence[_Entry]


def _entry(element: s3xml.Element, encoded: bool) -> _Entry:
    key, size = s3xml.text(element, "Key"), s3xml.text(element, "Size")
    modified = parse_listed_time(s3xml.text(element, "LastModified"))
    listed = ListedObject(
        key=unquote_plus(key) if encoded else key,
        etag=s3xml.text(element, "ETag").strip('"'),
        modified=None if modified is None else int(modified.timestamp()),
        version_id=s3xml.text(element, "VersionId") or None,
        size=int(size) if size.isascii() and size.isdigit() and len(size) < 20 else None,
    )
    return _Entry(element, listed)


def _show(entry: s3xml.Element, view: LogicalView) -> None:
    for child in list(entry):
        if s3xml.name(child) == "Size":
            child.text = str(view.size)
        elif s3xml.name(child) == "ETag":
            child.text = f'"{view.etag}"'
        elif s3xml.name(child) == "LastModified" and view.modified is not None:
            child.text = listed_time(view.modified)
        elif s3xml.name(child) in _CHECKSUMS:
            entry.remove(child)
