"""The objects of a bucket, as the store lists them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from slimgate.gateway.jobs import listing
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.plan.source import Batch, Found, Position
from slimgate.gateway.jobs.plan.version_listing import VersionMarker, version_page
from slimgate.gateway.jobs.repetition import repeated
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.storage.object_client import ObjectClient


@dataclass(frozen=True, slots=True)
class Listing:
    """The current objects of a bucket.

    Attributes:
        client: Client of the store.
        place: Bucket and key prefix.
    """

    client: ObjectClient
    place: Place

    async def batches(self, after: Position) -> AsyncIterator[Batch]:
        """Yield a batch per page; see :meth:`slimgate.gateway.jobs.plan.source.Source.batches`."""
        marker, more = str(after.get("at", "")), True

        async def once() -> tuple[list[listing.Entry], bool]:
            return await listing.page(self.client, self.place, marker)

        while more:
            entries, more = await repeated(once)
            if entries:
                yield Batch([Found(Row(*entry)) for entry in entries], [e.key for e in entries])
                marker = entries[-1].key


@dataclass(frozen=True, slots=True)
class VersionListing:
    """All versions of the objects of a bucket.

    Attributes:
        client: Client of the store.
        place: Bucket and key prefix.
    """

    client: ObjectClient
    place: Place

    async def batches(self, after: Position) -> AsyncIterator[Batch]:
        """Yield a batch per page; see :meth:`slimgate.gateway.jobs.plan.source.Source.batches`."""
        at = after.get("at")
        marker = VersionMarker(*map(str, at)) if isinstance(at, list) else VersionMarker()
        next_marker: VersionMarker | None = marker

        async def once() -> tuple[list[Found], VersionMarker | None]:
            return await version_page(self.client, self.place, marker)

        while next_marker is not None:
            marker = next_marker
            found, next_marker = await repeated(once)
            if found:
                yield Batch(found, [[each.row.key, each.row.version] for each in found])
