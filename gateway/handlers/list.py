"""Listings: managed objects appear with the size and ETag of their upload."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

import structlog
from aiohttp import web

from config import Policies
from gateway.handlers.call import Call, forwarded
from gateway.handlers.passthrough import PassThrough
from gateway.s3 import headers
from gateway.s3 import xml as s3xml
from gateway.s3.errors import S3Error
from gateway.s3.listing_xml import LogicalView, listed_time, parse_listed_time, with_logical_sizes
from gateway.s3.routing import Target, key_target
from gateway.storage.listing_index import ListedObject, ObjectState
from gateway.storage.manifest_seals import Seals
from gateway.storage.messages import read_bounded
from gateway.storage.retries import shown_headers
from gateway.storage.storage import Storage
from gateway.storage.stored_object import read_manifest
from gateway.storage.upload_time import logical_view, stored_time

_log = structlog.get_logger(__name__)

_ROOTS: Final = frozenset({"ListBucketResult", "ListVersionsResult"})
_ENTRIES: Final = frozenset({"Contents", "Version"})
_MAX_BYTES: Final = 16 << 20  # 1,000 keys of 1 KiB, percent-encoded, with owners
_LARGE: Final = 1 << 16
_CHECKSUMS: Final = ("ChecksumAlgorithm", "ChecksumType")


class ListObjects:
    """Handle ListObjects, ListObjectsV2 and ListObjectVersions.

    Buckets without a policy are listed unchanged. In others, a HEAD request is sent for each object
    that is not in the index; pages without managed objects stay unchanged.

    Args:
        policies: Policies in force.
        storage: The store.
        heads: Limits concurrent HEAD requests of listings.
        plain: Streams responses of the store.
    """

    def __init__(
        self, policies: Policies, storage: Storage, heads: asyncio.Semaphore, plain: PassThrough
    ) -> None:
        self._policies = policies
        self._storage = storage
        self._heads = heads
        self._plain = plain

    async def __call__(self, call: Call) -> web.StreamResponse:
        """Handle a request."""
        async with call.client.send(forwarded(call)) as response:
            named = self._policies.names_bucket(call.target.bucket)
            if response.status != HTTPStatus.OK or not named:
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
        index, bucket = self._storage.index, call.target.bucket
        views: list[tuple[_Entry, LogicalView | None]] = []
        unknown: list[_Entry] = []
        for entry in entries:
            if index.knows(bucket, entry.key, entry.listed):
                views.append((entry, index.get(bucket, entry.key, entry.listed)))
            elif not entry.key.endswith("/"):
                unknown.append(entry)
        heads = [asyncio.create_task(self._view(call, entry)) for entry in unknown]
        try:
            found = await asyncio.gather(*heads)
        finally:
            for head in heads:  # after an error, the others would go on without a caller
                head.cancel()
        views += zip(unknown, found, strict=True)
        return {entry: view for entry, view in views if view is not None}

    async def _view(self, call: Call, entry: "_Entry") -> LogicalView | None:
        """Return the view of one entry from a HEAD; None: show it as the upstream does."""
        target = key_target(call.target.bucket, entry.key)
        async with self._heads:
            answered = await shown_headers(call.client, target, entry.listed.version_id)
        if answered is None or headers.bare_etag(answered) != entry.listed.etag:
            return None  # replaced since the page was written
        view = _view_of(target, answered, self._storage.seals)
        if s3xml.text(entry.element, "IsLatest") != "false":
            self._storage.index.put(target.bucket, target.key, ObjectState.of(answered), view)
        return view


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
    key: str
    listed: ListedObject


class _Page(NamedTuple):
    """A parsed page."""

    root: s3xml.Element
    entries: Sequence[_Entry]


def _entry(element: s3xml.Element, encoded: bool) -> _Entry:
    key = s3xml.text(element, "Key")
    listed = ListedObject(
        etag=s3xml.text(element, "ETag").strip('"'),
        modified=parse_listed_time(s3xml.text(element, "LastModified")),
        version_id=s3xml.text(element, "VersionId") or None,
    )
    return _Entry(element, unquote_plus(key) if encoded else key, listed)


def _view_of(target: Target, answered: Mapping[str, str], seals: Seals) -> LogicalView | None:
    note = answered.get(headers.MANIFEST)
    if note is None:
        return None
    try:
        manifest = read_manifest(note, seals)
    except S3Error as error:
        # One unreadable manifest must not break the listing of other objects.
        _log.warning("unreadable manifest", bucket=target.bucket, key=target.key, reason=str(error))
        return None
    return logical_view(manifest, target, stored_time(answered))


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
