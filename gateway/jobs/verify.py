"""Verify that managed objects restore; writes nothing."""

from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.noting import note_seen
from slimgate.gateway.jobs.outcome import FAILED, Failure, Outcome
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.storage import snapshot
from slimgate.gateway.workers.pool import UNRESTORABLE, NotRestored


class Verifier:
    """Restore objects of one bucket, as GET does.

    Args:
        tools: Client and workers.
        bucket: Bucket name.
    """

    def __init__(self, tools: Tools, bucket: str) -> None:
        self._tools = tools
        self._bucket = bucket

    def wants(self, row: Row) -> bool:
        """Return whether an object may be managed, by its row: all but folders may."""
        return not row.key.endswith("/")

    async def __call__(self, row: Row) -> Outcome:
        """Restore one object and compare its digest.

        Raises:
            Refused: It cannot be read.
            Busy: The queue is full.
            Changed: Another client wrote to it meanwhile.
            Denied: The store does not permit it.
            S3Error: The store does not respond, or the manifest is invalid.
        """
        target = Place(self._bucket, row.key).target
        client, seals = self._tools.client, self._tools.seals
        seen = await snapshot.take(client, target, seals, row.version)
        note_seen(self._tools, seen)
        if seen.manifest is None:
            return Outcome.same("plain", seen.size)
        rendition = await snapshot.read(client, seen)
        try:
            _, as_recorded = await self._tools.workers.restore(rendition, seen.manifest)
        except NotRestored as error:
            reason = f"not checked, run it again: {error}"
            return Outcome.same(FAILED, seen.size, reason, Failure.UNRESTORED)
        except UNRESTORABLE as error:
            reason = f"cannot be restored: {error}"
            return Outcome.same(FAILED, seen.size, reason, Failure.UNRESTORABLE)
        if not as_recorded:
            reason = "the pixels are right, but an upgraded encoder writes other bytes"
            return Outcome.same(FAILED, seen.size, reason, Failure.OTHER_BYTES)
        return Outcome.same("restores", seen.size)
