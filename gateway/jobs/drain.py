"""The way back: managed objects become plain ones, full size, that need no gateway."""

from codec.manifest import Manifest
from config import Originals
from gateway.jobs.address import Place
from gateway.jobs.listing import Entry
from gateway.jobs.opened import Tools
from gateway.jobs.outcome import FAILED, STAYS, Outcome
from gateway.s3.digests import sha256_hex
from gateway.storage import metadata, snapshot
from gateway.storage.messages import Request
from gateway.storage.originals import Archived, Missing, NoOriginal, fetch
from gateway.storage.replacement import remove_version
from gateway.storage.snapshot import Snapshot
from gateway.workers.pool import UNRESTORABLE, NotRestored


class Drainer:
    """Give objects of one bucket back their full size.

    Args:
        tools: With the policies that say which originals are kept where.
        bucket: Which bucket.
        use_originals: Whether originals are stored, where they are kept; else restored files.
        dry_run: Whether nothing is to be written.
        remove_replaced: Whether versions are removed that a file replaces.
    """

    def __init__(
        self,
        tools: Tools,
        bucket: str,
        *,
        use_originals: bool = True,
        dry_run: bool = False,
        remove_replaced: bool = False,
    ) -> None:
        self._tools = tools
        self._bucket = bucket
        self._use_originals = use_originals
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
        target = Place(self._bucket, entry.key).target
        seen = await snapshot.take(self._tools.client, target, self._tools.seals)
        if seen.manifest is None:
            return Outcome.same("plain already", seen.size)
        metadata.repeated(seen.headers)
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
        replaced = await write_back(self._tools, seen, seen.manifest, data)
        version_id = replaced.state.version_id
        if self._remove_replaced and replaced.state.outlives_replacement:
            await remove_version(self._tools.client, replaced.target, version_id)
        return Outcome(verdict, seen.size, len(data))

    async def _file(self, seen: Snapshot, manifest: Manifest) -> tuple[bytes, str]:
        """Give the original, where one is kept, else the restored file."""
        client, originals = self._tools.client, self._originals(seen.target.key)
        if originals.keep is not None:
            try:
                return await fetch(client, originals, seen.target, manifest), "original"
            except Missing:
                pass  # it was stored before originals were kept, or is a copy
        rendition = await snapshot.read(client, seen)
        # Should an encoder have changed: the pixels are right, and from now on the bytes are these.
        data, _ = await self._tools.workers.restore(rendition, manifest)
        return data, "restored"

    def _originals(self, key: str) -> Originals:
        policy = self._tools.policies.match(self._bucket, key) if self._use_originals else None
        return policy.originals if policy else Originals()


async def write_back(tools: Tools, seen: Snapshot, manifest: Manifest, data: bytes) -> Snapshot:
    """Store a full-size file in the place of its rendition, with all that is said of the object.

    Returns:
        The object that was replaced, as it was in the end.

    Raises:
        Refused, Changed, Denied, S3Error: It was not done; see :mod:`gateway.storage.snapshot`.
    """
    now = await snapshot.retake(tools.client, seen, tools.seals)
    kept = await metadata.everything(tools.client, now.target, now.headers)
    kept["Content-Type"] = manifest.content_type
    digest = await sha256_hex(data)
    request = Request("PUT", now.target, "", kept, data, len(data), digest)
    await tools.client.put_if_match(request, now.state.etag)
    return now
