"""Choose the objects that a job may be about."""

import hashlib
from typing import Final

from slimgate.config import Policies
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.plan.source import Skipped
from slimgate.gateway.jobs.state.job_file import Selection
from slimgate.gateway.jobs.state.shards import Row

_HASHES: Final = 1 << 64


class Selector:
    """Decide which objects are planned.

    Args:
        policies: Policies of the configuration.
        place: Bucket and prefix of the objects.
        job: Bucket and prefix of the job, whose own objects are left out.
        selection: Whether a policy must match.
        sample: Share of keys to plan, 0 to 1; None: all.
    """

    def __init__(
        self,
        policies: Policies,
        place: Place,
        job: Place,
        selection: Selection,
        sample: float | None = None,
    ) -> None:
        self._prefix = place.key
        self._of_job = f"{job.key.rstrip('/')}/" if job.bucket == place.bucket else None
        self._limits = [
            (policy.prefix, policy.limits.max_bytes) for policy in policies.for_bucket(place.bucket)
        ]
        self._originals = tuple(
            policy.originals.prefix for policy in policies if policy.originals.keep == place.bucket
        )
        self._needs_policy = selection == "policies"
        self._below = None if sample is None else round(sample * _HASHES)

    def skips(self, row: Row) -> Skipped | None:
        """Return why an object is not planned; None: it is."""
        key = row.key
        if not key.startswith(self._prefix):
            return Skipped.OTHER_PREFIX
        if key.endswith("/"):
            return Skipped.FOLDER
        if self._of_job is not None and key.startswith(self._of_job):
            return Skipped.OF_JOB
        if key.startswith(self._originals):
            return Skipped.ORIGINAL
        if row.size == 0:
            return Skipped.SIZE
        reason = self._skips_by_policy(row) if self._needs_policy else None
        return reason or (None if self._is_sampled(key) else Skipped.NOT_SAMPLED)

    def _is_sampled(self, key: str) -> bool:
        if self._below is None:
            return True
        digest = hashlib.sha256(key.encode(errors="surrogateescape")).digest()
        return int.from_bytes(digest[:8]) < self._below

    def _skips_by_policy(self, row: Row) -> Skipped | None:
        for prefix, max_bytes in self._limits:
            if row.key.startswith(prefix):
                return Skipped.SIZE if row.size is not None and row.size > max_bytes else None
        return Skipped.NO_POLICY
