"""What clients see of listed objects: from the index, or from a HEAD for each.

HEADs go with the caller's identity and headers. The index holds what anyone's requests have shown:
size and ETag of the upload, which is what a listing shows to everyone who may list.
"""

import asyncio
from collections.abc import Coroutine, Sequence

from slimgate.config import Policies
from slimgate.gateway.s3.identity import CredentialSource
from slimgate.gateway.s3.listing_xml import Gone, Shown
from slimgate.gateway.storage.listing_index import ListedObject
from slimgate.gateway.storage.look import look, may_be_managed
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.retries import Missing
from slimgate.gateway.storage.storage import Storage
from slimgate.gateway.telemetry import metrics


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
        reader: CredentialSource | None = None,
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
    ) -> list[Shown]:
        """Return what clients see of each object of a page.

        Args:
            client: Client of the store, for the caller.
            bucket: Bucket name.
            page: The listed objects.

        Raises:
            S3Error: The store does not respond, or not about an object.
        """
        index = self._storage.index
        known = await index.find(bucket, page)
        views: list[Shown] = [None if each is None else each.view for each in known]
        for listed, view in zip(page, views, strict=True):
            if view is not None:
                index.meet(bucket, listed.key)
        prefixes = self._prefixes(bucket)
        unknown = [
            place
            for place, each in enumerate(known)
            if each is None and may_be_managed(page[place].key, page[place].size, prefixes)
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

    async def _look(self, client: ObjectClient, bucket: str, listed: ListedObject) -> Shown:
        """Return what clients see of an object, from a HEAD."""
        storage = self._storage
        clients = [client]
        if self._reader is not None:
            clients.append(client.altered(source=self._reader))
        async with self._heads:
            try:
                for each in clients:
                    known = await look(each, bucket, listed, storage.seals, storage.index)
                    if known is not None:
                        return known.view
            except Missing:
                # Versions stay: some stores list versions that they cannot be asked for.
                return Gone.GONE if listed.version_id is None else None
        return None


async def _all(looks: Sequence[Coroutine[None, None, Shown]]) -> list[Shown]:
    tasks = [asyncio.create_task(look) for look in looks]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:  # after an error, the others would go on without a caller
            task.cancel()
