"""Optimize existing objects, as a PUT through the gateway would have done."""

from slimgate.codec.manifest import Manifest
from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policy
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.noting import note_seen
from slimgate.gateway.jobs.outcome import STAYS, Outcome
from slimgate.gateway.jobs.replacement import Replacement
from slimgate.gateway.jobs.resources import Tools
from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.optimize import pipeline
from slimgate.gateway.storage import metadata, snapshot
from slimgate.gateway.storage.replacement import remove_version
from slimgate.gateway.storage.snapshot import Snapshot


class Optimizer:
    """Optimize objects of one bucket.

    Args:
        tools: Client, workers and policies.
        bucket: Bucket name.
        dry_run: Whether to write nothing.
        remove_replaced: Whether to delete replaced versions.
    """

    def __init__(
        self, tools: Tools, bucket: str, *, dry_run: bool = False, remove_replaced: bool = False
    ) -> None:
        self._tools = tools
        self._bucket = bucket
        self._dry_run = dry_run
        self._remove_replaced = remove_replaced

    def wants(self, row: Row) -> bool:
        """Return whether an object may be worth optimizing, by its key and its planned size."""
        policy = self._policy(row.key)
        if policy is None:
            return False
        return row.size is None or 0 < row.size <= policy.limits.max_bytes

    async def __call__(self, row: Row) -> Outcome:
        """Optimize one object.

        Raises:
            Refused: It stays as it is.
            Busy: The queue is full.
            Changed: Another client wrote to it meanwhile.
            Denied: The store does not permit it.
            S3Error: The store does not respond, or the manifest is invalid.
        """
        policy, client = self._policy(row.key), self._tools.client
        target = Place(self._bucket, row.key).target
        seen = await snapshot.take(client, target, self._tools.seals)
        note_seen(self._tools, seen)
        if seen.manifest is not None:
            return self._small_already(row, seen, seen.manifest)
        if policy is None:
            return Outcome.same(STAYS, seen.size)
        if not 0 < seen.size <= policy.limits.max_bytes:
            raise Refused(Reason.SIZE)
        metadata.repeated(seen.headers)
        replacement = Replacement(self._tools, seen, row.modified)
        async with snapshot.opened(client, seen) as contents:
            image = replacement.image(policy, contents)
            await pipeline.run(pipeline.FIND, image)
        if self._dry_run:
            return Outcome("would be small", seen.size, len(image.rendition.rendition))
        await pipeline.run(pipeline.STORE, image)
        return await self._told(replacement.seen, image.rendition)

    async def _told(self, replaced: Snapshot, found: Optimized) -> Outcome:
        outcome = Outcome("made small", replaced.size, len(found.rendition))
        if not replaced.state.outlives_replacement:
            return outcome
        target, version_id = replaced.target, replaced.state.version_id
        if self._remove_replaced and not await remove_version(
            self._tools.client, target, version_id
        ):
            return outcome
        # Both versions cost money until a lifecycle rule or a person deletes the old one.
        after = outcome.after + replaced.size
        return Outcome("made small", replaced.size, after, f"version {version_id} stays")

    def _small_already(self, row: Row, seen: Snapshot, manifest: Manifest) -> Outcome:
        """Return the outcome of a rendition: made by this job before it was killed, or older."""
        uploaded, stored = manifest.size, seen.size
        if self._dry_run or row.size != uploaded or uploaded == stored:
            return Outcome.same("already small", stored)
        reason = "by an earlier attempt"
        if seen.state.outlives_replacement and not self._remove_replaced:
            return Outcome("made small", uploaded, stored + uploaded, f"{reason}, a version stays")
        return Outcome("made small", uploaded, stored, reason)

    def _policy(self, key: str) -> Policy | None:
        policy = self._tools.policies.match(self._bucket, key)
        if policy is None or policy.mode != "optimize" or key.endswith("/"):
            return None
        return None if self._keeps_originals(key) else policy

    def _keeps_originals(self, key: str) -> bool:
        """Return whether a policy keeps originals under this key: those stay as they are."""
        return any(
            policy.originals.keep == self._bucket and key.startswith(policy.originals.prefix)
            for policy in self._tools.policies
        )
