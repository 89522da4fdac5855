"""Choose the objects that a job may be about."""

from config import Policies
from gateway.jobs.address import Place
from gateway.jobs.plan.source import Skipped
from gateway.jobs.state.job_file import Selection
from gateway.jobs.state.shards import Row


class Selector:
    """Decide which objects are planned.

    Args:
        policies: Policies of the configuration.
        place: Bucket and prefix of the objects.
        job: Bucket and prefix of the job, whose own objects are left out.
        selection: Whether a policy must match.
    """

    def __init__(self, policies: Policies, place: Place, job: Place, selection: Selection) -> None:
        self._prefix = place.key
        self._of_job = f"{job.key.rstrip('/')}/" if job.bucket == place.bucket else None
        self._limits = [
            (policy.prefix, policy.limits.max_bytes) for policy in policies.for_bucket(place.bucket)
        ]
        self._originals = tuple(
            policy.originals.prefix for policy in policies if policy.originals.keep == place.bucket
        )
        self._needs_policy = selection == "policies"

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
        return self._skips_by_policy(row) if self._needs_policy else None

    def _skips_by_policy(self, row: Row) -> Skipped | None:
        for prefix, max_bytes in self._limits:
            if row.key.startswith(prefix):
                return Skipped.SIZE if row.size is not None and row.size > max_bytes else None
        return Skipped.NO_POLICY
