"""Make small what lies plain in a bucket: what PUT through the gateway would have done."""

from codec.optimize import Optimized
from config import Policies, Policy
from gateway.jobs.address import Place
from gateway.jobs.listing import Entry
from gateway.jobs.outcome import Outcome
from gateway.jobs.said import everything, replaceable
from gateway.jobs.store import Seen, Store
from gateway.optimize import byte_exact
from gateway.optimize.pipeline import rendition, stored_request
from gateway.storage.originals import keep
from gateway.storage.upstream import Request
from gateway.workers.pool import Workers


class Optimizer:
    """Optimize objects of one bucket.

    Args:
        store: Where they are.
        bucket: Which bucket.
        policies: What is demanded of which object.
        workers: Who finds renditions.
        dry_run: Whether nothing is to be written.
        remove_replaced: Whether versions are removed that a rendition replaces.
    """

    def __init__(
        self,
        store: Store,
        bucket: str,
        policies: Policies,
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

    def wants(self, entry: Entry) -> bool:
        """Return whether an entry of a listing may be worth a closer look."""
        policy = self._policy(entry.key)
        return policy is not None and 0 < entry.size <= policy.limits.max_bytes

    async def __call__(self, entry: Entry) -> Outcome:
        """Optimize one object.

        Raises:
            Refused: It stays as it is.
            Busy: Too many jobs are waiting.
            Changed: Somebody else wrote to it meanwhile.
            Denied: The store refuses what is needed.
            S3Error: The store does not answer, or there is a manifest that cannot be read.
        """
        policy = self._policy(entry.key)
        seen = await self._store.look(Place(self._bucket, entry.key).target)
        if seen.manifest is not None or policy is None:
            return Outcome.same("already small", seen.size)
        if not 0 < seen.size <= policy.limits.max_bytes:
            return Outcome.same("stays", seen.size, "larger than the policy allows")
        replaceable(seen)
        data = await self._store.read(seen, lambda mime: mime in policy.types)
        content_type = seen.headers.get("Content-Type")
        why = await byte_exact.reason(entry.key, data, seen.headers)
        found = await rendition(self._workers, policy, data, content_type, exact_because=why)
        if self._dry_run:
            return Outcome("would be small", seen.size, len(found.rendition))
        now = await self._store.look_again(seen)
        request = Request("PUT", seen.target, headers=await everything(self._store, now))
        small = await stored_request(request, found, self._store.seals)
        await keep(self._store.send, policy.originals, request, found.manifest, data)
        await self._store.replace(now, small)
        return await self._told(now, found)

    async def _told(self, replaced: Seen, found: Optimized) -> Outcome:
        outcome = Outcome("made small", replaced.size, len(found.rendition))
        if not replaced.state.outlives_replacement:
            return outcome
        version_id = replaced.state.version_id
        if self._remove_replaced and await self._store.remove(replaced.target, version_id):
            return outcome
        # Both are paid for until a lifecycle rule or somebody removes the version.
        after = outcome.after + replaced.size
        return Outcome("made small", replaced.size, after, f"version {version_id} stays")

    def _policy(self, key: str) -> Policy | None:
        policy = self._policies.match(self._bucket, key)
        if policy is None or policy.mode != "optimize" or key.endswith("/"):
            return None
        return None if self._keeps_originals(key) else policy

    def _keeps_originals(self, key: str) -> bool:
        """Return whether any policy keeps originals there: those stay as they are."""
        return any(
            policy.originals.keep == self._bucket and key.startswith(policy.originals.prefix)
            for policy in self._policies
        )
