"""The way back: managed objects become plain ones, full size, that need no gateway."""

from codec.manifest import Manifest
from config import Originals, Policies
from gateway.jobs.address import Place
from gateway.jobs.listing import Entry
from gateway.jobs.outcome import FAILED, STAYS, Outcome
from gateway.jobs.said import everything, replaceable
from gateway.jobs.store import Seen, Store, whole_request
from gateway.storage.originals import Archived, Missing, NoOriginal, fetch
from gateway.workers.pool import UNRESTORABLE, NotRestored, Workers


class Drainer:
    """Give objects of one bucket back their full size.

    Args:
        store: Where they are.
        bucket: Which bucket.
        policies: Which originals are kept where; None: the restored files are stored in any case.
        workers: Who restores.
        dry_run: Whether nothing is to be written.
        remove_replaced: Whether versions are removed that a file replaces.
    """

    def __init__(
        self,
        store: Store,
        bucket: str,
        policies: Policies | None,
        workers: Workers,
        *,
        dry_run: bool = False,
        remove_replaced: bool = False,
    ) -> None:
        self._store = store
        self._bucket = bucket
        self._policies = policies
        self._workers = workers
        self._dry_run = dry_run
        self._remove_replaced = remove_replaced

    async def __call__(self, entry: Entry) -> Outcome:
        """Give one object back its full size.

        Raises:
            Refused: It stays as it is.
            Busy: Too many jobs are waiting.
            Changed: Somebody else wrote to it meanwhile.
            Denied: The store refuses what is needed.
            S3Error: The store does not answer, or there is a manifest that cannot be read.
        """
        seen = await self._store.look(Place(self._bucket, entry.key).target)
        if seen.manifest is None:
            return Outcome.same("plain already", seen.size)
        replaceable(seen)
        try:
            data, verdict = await self._file(seen, seen.manifest)
        except Archived as reason:
            return Outcome.same(STAYS, seen.size, str(reason))
        except (NoOriginal, NotRestored) as reason:
            return Outcome.same(FAILED, seen.size, str(reason))
        except UNRESTORABLE as error:
            return Outcome.same(FAILED, seen.size, f"cannot be restored: {error}")
        if self._dry_run:
            return Outcome(f"would be {verdict}", seen.size, len(data))
        replaced = await write_back(self._store, seen, seen.manifest, data)
        version_id = replaced.state.version_id
        if self._remove_replaced and replaced.state.outlives_replacement:
            await self._store.remove(replaced.target, version_id)
        return Outcome(verdict, seen.size, len(data))

    async def _file(self, seen: Seen, manifest: Manifest) -> tuple[bytes, str]:
        """Give the original, where one is kept, else the restored file."""
        originals = self._originals(seen.target.key)
        if originals.keep is not None:
            try:
                return await fetch(self._store.send, originals, seen.target, manifest), "original"
            except Missing:
                pass  # it was stored before originals were kept, or is a copy
        rendition = await self._store.read(seen)
        # Should an encoder have changed: the pixels are right, and from now on the bytes are these.
        data, _ = await self._workers.restore(rendition, manifest)
        return data, "restored"

    def _originals(self, key: str) -> Originals:
        policy = self._policies.match(self._bucket, key) if self._policies else None
        return policy.originals if policy else Originals()


async def write_back(store: Store, seen: Seen, manifest: Manifest, data: bytes) -> Seen:
    """Store a full-size file in the place of its rendition, with all that is said of the object.

    Returns:
        The object that was replaced, as it was in the end.

    Raises:
        Refused, Changed, Denied, S3Error: It was not done; see :class:`gateway.jobs.store.Store`.
    """
    now = await store.look_again(seen)
    said = await everything(store, now)
    said["Content-Type"] = manifest.content_type
    await store.replace(now, whole_request(seen.target, said, data))
    return now
