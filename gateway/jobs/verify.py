"""Prove that managed objects restore; nothing is written."""

from gateway.jobs.address import Place
from gateway.jobs.listing import Entry
from gateway.jobs.outcome import FAILED, Outcome
from gateway.jobs.store import Store
from gateway.workers.pool import UNRESTORABLE, NotRestored, Workers


class Verifier:
    """Restore objects of one bucket as GET does.

    Args:
        store: Where they are.
        bucket: Which bucket.
        workers: Who restores.
    """

    def __init__(self, store: Store, bucket: str, workers: Workers) -> None:
        self._store = store
        self._bucket = bucket
        self._workers = workers

    async def __call__(self, entry: Entry) -> Outcome:
        """Restore one object and compare it with the recorded digest.

        Raises:
            Refused: It is not to be read.
            Busy: Too many jobs are waiting.
            Changed: Somebody else wrote to it meanwhile.
            Denied: The store refuses what is needed.
            S3Error: The store does not answer, or there is a manifest that cannot be read.
        """
        seen = await self._store.look(Place(self._bucket, entry.key).target)
        if seen.manifest is None:
            return Outcome.same("plain", seen.size)
        rendition = await self._store.read(seen)
        try:
            _, as_recorded = await self._workers.restore(rendition, seen.manifest)
        except NotRestored as error:
            return Outcome.same(FAILED, seen.size, f"not checked, run it again: {error}")
        except UNRESTORABLE as error:
            return Outcome.same(FAILED, seen.size, f"cannot be restored: {error}")
        if not as_recorded:
            reason = "the right pixels, but an encoder writes them otherwise than was recorded"
            return Outcome.same(FAILED, seen.size, reason)
        return Outcome.same("restores", seen.size)
