"""The policy that an evaluation measures."""

from slimgate.config import Policies, Policy
from slimgate.gateway.jobs.resources import UsageError


def policy_of(policies: Policies, bucket: str, prefix: str, name: str | None) -> Policy:
    """Return the policy of a name, or the one for a prefix of a bucket.

    Args:
        policies: Policies of the configuration.
        bucket: Bucket of the job.
        prefix: Prefix of its keys.
        name: Name of the policy; None: the one that matches the prefix.

    Raises:
        UsageError: There is none.
    """
    if name is None:
        found = policies.match(bucket, prefix)
    else:
        found = next((each for each in policies if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in policies) or "none"
        raise UsageError(f"choose the policy to measure with --policy: {names}")
    return found
