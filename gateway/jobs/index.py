"""Fill the index of listings before clients list."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final, Self

from slimgate.config import Policies
from slimgate.gateway.jobs.outcome import FAILED, Failure, Outcome
from slimgate.gateway.jobs.resources import Tools, UsageError
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.index.buffered import BufferedIndex
from slimgate.gateway.storage.listing_index import ListedObject
from slimgate.gateway.storage.look import look, may_be_managed
from slimgate.gateway.storage.manifest_seals import Seals
from slimgate.gateway.storage.object_client import ObjectClient
from slimgate.gateway.storage.retries import Missing

KNOWN: Final = "known already"
_MANAGED: Final = "managed"
_PLAIN: Final = "plain"


class Indexer:
    """Look at the objects of one bucket that the index does not know.

    Objects that it knows cost no request, so an interrupted run is simply repeated.

    Args:
        client: Client of the store.
        policies: Name the objects that may be managed.
        seals: Read manifests.
        index: Receives what was seen.
        bucket: Bucket name.
    """

    def __init__(
        self,
        client: ObjectClient,
        policies: Policies,
        seals: Seals,
        index: BufferedIndex,
        bucket: str,
    ) -> None:
        self._client = client
        self._prefixes = tuple({policy.prefix for policy in policies.for_bucket(bucket)})
        self._seals = seals
        self._index = index
        self._bucket = bucket

    @classmethod
    def of(cls, tools: Tools, bucket: str) -> Self:
        """Return the work of a job.

        Raises:
            UsageError: There is no index.
        """
        if tools.listing_index is None:
            raise UsageError("the job has no index to fill")
        return cls(tools.client, tools.policies, tools.seals, tools.listing_index, bucket)

    def wants(self, row: Row) -> bool:
        """Return whether an object may be managed, by its row alone."""
        return may_be_managed(row.key, row.size, self._prefixes)

    async def __call__(self, row: Row) -> Outcome:
        """Look at one object, unless the index knows it.

        Raises:
            S3Error: The store does not respond.
        """
        listed = _listed(row)
        (known,) = await self._index.find(self._bucket, [listed])
        return Outcome.same(KNOWN, row.size or 0) if known else await self._look(row)

    async def fill(self, rows: Sequence[Row], requests: asyncio.Semaphore) -> Counter[str]:
        """Look at all objects that the index does not know.

        Args:
            rows: Objects, about 1,000.
            requests: Limits concurrent requests.

        Returns:
            The number of objects by verdict; that of failures names the reason.
        """
        wanted = [row for row in rows if self.wants(row)]
        found = await self._index.find(self._bucket, [_listed(row) for row in wanted])
        unknown = [row for row, known in zip(wanted, found, strict=True) if known is None]
        counts = Counter({KNOWN: len(wanted) - len(unknown)})

        async def one(row: Row) -> None:
            async with requests:
                counts[await self._verdict(row)] += 1

        async with asyncio.TaskGroup() as group:
            for row in unknown:
                group.create_task(one(row))
        await self._index.flush()
        return +counts

    async def _verdict(self, row: Row) -> str:
        try:
            outcome = await self._look(row)
        except S3Error as error:
            return f"{FAILED}: {error.message}"
        return ": ".join(filter(None, (outcome.verdict, outcome.reason)))

    async def _look(self, row: Row) -> Outcome:
        size, listed = row.size or 0, _listed(row)._replace(etag="")
        try:
            known = await look(self._client, self._bucket, listed, self._seals, self._index)
        except Missing:
            known = None
        if known is None:
            reason = "gone, or not readable with this key"
            return Outcome.same(FAILED, size, reason, Failure.DENIED)
        return Outcome.same(_PLAIN if known.view is None else _MANAGED, size)


def _listed(row: Row) -> ListedObject:
    modified = None if row.modified is None else int(row.modified.timestamp())
    return ListedObject(row.key, row.etag or "", modified, row.version, row.size)
