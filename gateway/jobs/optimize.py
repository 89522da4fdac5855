"""Optimize existing objects, as a PUT through the gateway would have done."""

from codec.optimize import Optimized
from codec.reasons import Reason, Refused
from config import Policy
from gateway.jobs.address import Place
from gateway.jobs.listing import Entry
from gateway.jobs.opened import Tools
from gateway.jobs.outcome import Outcome
from gateway.optimize import byte_exact
from gateway.optimize.search import rendition
from gateway.optimize.stored_request import stored_request
from gateway.storage import metadata, snapshot
from gateway.storage.messages import Request
from gateway.storage.originals import keep
from gateway.storage.replacement import remove_version
from gateway.storage.snapshot import Snapshot


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

    def wants(self, entry: Entry) -> bool:
        """Return whether a listed object may be worth optimizing."""
        policy = self._policy(entry.key)
        return policy is not None and 0 < entry.size <= policy.limits.max_bytes

    async def __call__(self, entry: Entry) -> Outcome:
        """Optimize one object.

        Raises:
            Refused: It stays as it is.
            Busy: The queue is full.
            Changed: Another client wrote to it meanwhile.
            Denied: The store does not permit it.
            S3Error: The store does not respond, or the manifest is invalid.
        """
        policy, client = self._policy(entry.key), self._tools.client
        target = Place(self._bucket, entry.key).target
        seen = await snapshot.take(client, target, self._tools.seals)
        if seen.manifest is not None or policy is None:
            return Outcome.same("already small", seen.size)
        if not 0 < seen.size <= policy.limits.max_bytes:
            raise Refused(Reason.SIZE)
        metadata.repeated(seen.headers)
        data = await snapshot.read(client, seen, lambda mime: mime in policy.types)
        content_type = seen.headers.get("Content-Type")
        why = await byte_exact.reason(entry.key, data, seen.headers)
        workers = self._tools.workers
        found = await rendition(workers, policy, data, content_type, exact_because=why)
        if self._dry_run:
            return Outcome("would be small", seen.size, len(found.rendition))
        return await self._put(seen, policy, data, found)

    async def _put(self, seen: Snapshot, policy: Policy, data: bytes, found: Optimized) -> Outcome:
        client, seals = self._tools.client, self._tools.seals
        now = await snapshot.retake(client, seen, seals)
        kept = await metadata.everything(client, now.target, now.headers)
        request = Request("PUT", now.target, headers=kept)
        small = await stored_request(request, found, seals)
        await keep(client, policy.originals, request, found.manifest, data)
        await client.put_if_match(small, now.state.etag)
        return await self._told(now, found)

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
