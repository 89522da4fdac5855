"""Drain a bucket: convert managed objects back to plain ones that need no gateway."""

import time

from slimgate.codec.manifest import Manifest
from slimgate.config import Originals
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.noting import note_written
from slimgate.gateway.jobs.outcome import FAILED, STAYS, Failure, Outcome
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.s3.digests import sha256_hex
from slimgate.gateway.storage import metadata, snapshot
from slimgate.gateway.storage.messages import Request
from slimgate.gateway.storage.originals import Archived, Missing, NoOriginal
from slimgate.gateway.storage.replacement import remove_version
from slimgate.gateway.storage.snapshot import Snapshot
from slimgate.gateway.workers.pool import UNRESTORABLE, NotRestored


class Drainer:
    """Convert the objects of one bucket back to full size.

    Args:
        tools: Client, workers and policies, which say where originals are kept.
        bucket: Bucket name.
        use_originals: Whether to store kept originals rather than restored files.
        dry_run: Whether to write nothing.
        remove_replaced: Whether to delete replaced versions.
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

    def wants(self, row: Row) -> bool:
        """Return whether an object may be managed, by its row: all but folders may."""
        return not row.key.endswith("/")

    async def __call__(self, row: Row) -> Outcome:
        """Convert one object.

        Raises:
            Refused: It stays as it is.
            Busy: The queue is full.
            Changed: Another client wrote to it meanwhile.
            Denied: The store does not permit it.
            S3Error: The store does not respond, or the manifest is invalid.
        """
        target = Place(self._bucket, row.key).target
        seen = await snapshot.take(self._tools.client, target, self._tools.seals)
        if seen.manifest is None:
            return Outcome.same("plain already", seen.size)
        metadata.repeated(seen.headers)
        try:
            data, verdict = await self._file(seen, seen.manifest)
        except Archived as reason:
            return Outcome.same(STAYS, seen.size, str(reason), Failure.ARCHIVED)
        except (NoOriginal, NotRestored) as reason:
            original = isinstance(reason, NoOriginal)
            label = Failure.ORIGINAL if original else Failure.UNRESTORED
            return Outcome.same(FAILED, seen.size, str(reason), label)
        except UNRESTORABLE as error:
            why = f"cannot be restored: {error}"
            return Outcome.same(FAILED, seen.size, why, Failure.UNRESTORABLE)
        if self._dry_run:
            return Outcome(f"would be {verdict}", seen.size, len(data))
        replaced = await write_back(self._tools, seen, seen.manifest, data)
        version_id = replaced.state.version_id
        if self._remove_replaced and replaced.state.outlives_replacement:
            await remove_version(self._tools.client, replaced.target, version_id)
        return Outcome(verdict, seen.size, len(data))

    async def _file(self, seen: Snapshot, manifest: Manifest) -> tuple[bytes, str]:
        """Return the original if one is kept, else the restored file."""
        client, originals = self._tools.client, self._originals(seen.target.key)
        if originals.keep is not None:
            try:
                archive = self._tools.archive
                return await archive.fetch(client, originals, seen.target, manifest), "original"
            except Missing:
                pass  # stored before originals were kept, or a copy
        rendition = await snapshot.read(client, seen)
        # If an encoder has changed, the pixels are right, and these are the bytes from now on.
        data, _ = await self._tools.workers.restore(rendition, manifest)
        return data, "restored"

    def _originals(self, key: str) -> Originals:
        policy = self._tools.policies.match(self._bucket, key) if self._use_originals else None
        return policy.originals if policy else Originals()


async def write_back(tools: Tools, seen: Snapshot, manifest: Manifest, data: bytes) -> Snapshot:
    """Replace a rendition by a full-size file, with all metadata of the object.

    Returns:
        The replaced object.

    Raises:
        Refused, Changed, Denied, S3Error: Nothing was written; see
            :mod:`slimgate.gateway.storage.snapshot`.
    """
    now = await snapshot.retake(tools.client, seen, tools.seals)
    kept = await metadata.everything(tools.client, now.target, now.headers)
    kept["Content-Type"] = manifest.content_type
    digest = await sha256_hex(data)
    request = Request("PUT", now.target, "", kept, data, len(data), digest)
    started = time.monotonic()
    answered = await tools.client.put_if_match(request, now.state.etag)
    note_written(tools, now.target, None, answered, time.monotonic() - started)
    return now
