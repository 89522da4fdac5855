"""What clients see of listed objects: from the index, or from a HEAD for each.

HEADs go with the caller's identity and headers. The index holds what anyone's requests have shown:
size and ETag of the upload, which is what a listing shows to everyone who may list.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Final

import structlog

from config import Policies
from gateway.s3 import headers
from gateway.s3.errors import S3Error
from gateway.s3.identity import Identity
from gateway.s3.listing_xml import LogicalView
from gateway.s3.routing import Target, key_target
from gateway.storage.listing_index import ListedObject, ObjectState
from gateway.storage.manifest_seals import Seals
from gateway.storage.object_client import ObjectClient
from gateway.storage.retries import shown_headers
from gateway.storage.storage import Storage
from gateway.storage.stored_object import read_manifest
from gateway.storage.upload_time import logical_view, stored_time
from gateway.telemetry import metrics

_MAX_STORED: Final = 1 << 30
"""Largest rendition, bytes: no policy admits larger uploads, and renditions are smaller."""

_log = structlog.get_logger(__name__)


class ListedViews:
    """Find what clients see of listed objects.

    Objects that no policy of any mode names are not asked for, unless the gateway has met a managed
    object among them.

    Args:
        policies: Policies in force.
        storage: The store.
        heads: Limits concurrent HEAD requests of listings.
        reader: Looks at objects that the caller may list but not read; None: nobody does.
    """

    def __init__(
        self,
        policies: Policies,
        storage: Storage,
        heads: asyncio.Semaphore,
        reader: Identity | None = None,
    ) -> None:
        self._policies = policies
        self._storage = storage
        self._heads = heads
        self._reader = reader

    def asks_about(self, bucket: str) -> bool:
        """Return whether listings of a bucket can show managed objects."""
        return self._storage.index.is_spread(bucket) or self._policies.names_bucket(bucket)

    async def of(
        self, client: ObjectClient, bucket: str, page: Sequence[ListedObject]
    ) -> list[LogicalView | None]:
        """Return what clients see of each object of a page; None: what the store shows.

        Args:
            client: Client of the store, for the caller.
            bucket: Bucket name.
            page: The listed objects.

        Raises:
            S3Error: The store does not respond, or not about an object.
        """
        index = self._storage.index
        known = await index.find(bucket, page)
        views = [None if each is None else each.view for each in known]
        for listed, view in zip(page, views, strict=True):
            if view is not None:
                index.meet(bucket, listed.key)
        prefixes = self._prefixes(bucket)
        unknown = [
            place
            for place, each in enumerate(known)
            if each is None and _may_be_managed(page[place], prefixes)
        ]
        looks = [self._look(client, bucket, page[place]) for place in unknown]
        for place, view in zip(unknown, await _all(looks), strict=True):
            views[place] = view
        hits = sum(each is not None for each in known)
        metrics.LISTED_OBJECTS.labels("hit").inc(hits)
        metrics.LISTED_OBJECTS.labels("miss").inc(len(unknown))
        metrics.LISTED_OBJECTS.labels("skipped").inc(len(page) - hits - len(unknown))
        return views

    def _prefixes(self, bucket: str) -> tuple[str, ...]:
        """Return the prefixes of keys to ask for."""
        if self._storage.index.is_spread(bucket):
            return ("",)
        return tuple({policy.prefix for policy in self._policies.for_bucket(bucket)})

    async def _look(
        self, client: ObjectClient, bucket: str, listed: ListedObject
    ) -> LogicalView | None:
        """Return the view of an object from a HEAD; None: show it as the store does."""
        target = key_target(bucket, listed.key)
        async with self._heads:
            answered = await shown_headers(client, target, listed.version_id)
            if answered is None and self._reader is not None:
                reader = client.altered(identity=self._reader)
                answered = await shown_headers(reader, target, listed.version_id)
        if answered is None or headers.bare_etag(answered) != listed.etag:
            return None  # not visible to this caller, or replaced since the page was written
        view = view_of(target, answered, self._storage.seals)
        seen = ObjectState.of(answered)
        self._storage.index.put(bucket, listed.key, seen, view, version_id=listed.version_id)
        return view


def view_of(target: Target, answered: Mapping[str, str], seals: Seals) -> LogicalView | None:
    """Return what listings show of an object; None: it is plain, or its manifest is unreadable.

    Args:
        target: Bucket and key.
        answered: Response headers, case-insensitive.
        seals: Read the manifest.
    """
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


def _may_be_managed(listed: ListedObject, prefixes: tuple[str, ...]) -> bool:
    """Return whether an object may be a rendition, by what a listing shows.

    Names decide nothing else: a copy of a rendition may have any name.
    """
    size = 1 if listed.size is None else listed.size
    return 0 < size <= _MAX_STORED and listed.key.startswith(prefixes)


async def _all(
    looks: Sequence[Coroutine[None, None, LogicalView | None]],
) -> list[LogicalView | None]:
    tasks = [asyncio.create_task(look) for look in looks]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:  # after an error, the others would go on without a caller
            task.cancel()
