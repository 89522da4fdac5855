"""Match objects to policies: the first policy whose bucket glob and prefix match applies."""

import fnmatch
import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Final

from slimgate.config.policy import Policy

MAX_BUCKET: Final = 63  # Amazon S3 user guide, "General purpose bucket naming rules"


class Policies:
    """Policies in order, with their bucket globs compiled.

    Attributes:
        name_credentials: Some policy names credentials for the store.
        negotiate: Some policy serves renditions.
    """

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.replace(policies)

    def replace(self, policies: Sequence[Policy]) -> None:
        """Match by other policies from now on; what was matched before stays as it is."""
        self._rules = _rules(policies)
        self.name_credentials = any(policy.upstream is not None for policy in policies)
        self.negotiate = any(policy.serve.negotiate for policy in policies)

    @property
    def digest(self) -> str:
        """Return 12 hex digits that tell whether other policies, or another order, apply."""
        document = "".join(f"{policy.digest}\n" for policy in self)
        return hashlib.sha256(document.encode()).hexdigest()[:12]

    def __iter__(self) -> Iterator[Policy]:
        return (policy for _, policy in self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def match(self, bucket: str, key: str) -> Policy | None:
        """Return the first policy that matches the object, in any mode, or None.

        Args:
            bucket: name of any length; names that S3 forbids match nothing.
            key: decoded object key.
        """
        for policy in self.for_bucket(bucket):
            if key.startswith(policy.prefix):
                return policy
        return None

    def names_bucket(self, bucket: str) -> bool:
        """Return whether any policy matches the bucket, for any prefix and mode."""
        return any(True for _ in self.for_bucket(bucket))

    def names(self, bucket: str, key: str) -> bool:
        """Return whether any policy matches the object, in any mode."""
        return self.match(bucket, key) is not None

    def for_bucket(self, bucket: str) -> Iterator[Policy]:
        """Yield the policies that match the bucket, for any prefix and mode, in order."""
        # Long names are refused first: matching a hostile name must not cost more than a real one.
        if len(bucket) <= MAX_BUCKET:
            yield from (policy for glob, policy in self._rules if glob.match(bucket))


def _rules(policies: Sequence[Policy]) -> tuple[tuple[re.Pattern[str], Policy], ...]:
    return tuple((_translate(policy.bucket), policy) for policy in policies)


def shadowed(policies: Sequence[Policy]) -> Iterator[tuple[int, int]]:
    """Yield pairs (later, earlier) of positions where the later policy can never match.

    Only certain cases are reported: the same glob, and an earlier prefix that starts the later one.
    Each policy is paired with the first one that shadows it.
    """
    # Quadratic, but the list is short and written by the operator.
    for position, policy in enumerate(policies):
        for earlier, other in enumerate(policies[:position]):
            if policy.bucket == other.bucket and policy.prefix.startswith(other.prefix):
                yield position, earlier
                break


def _translate(glob: str) -> re.Pattern[str]:
    # fnmatch.translate prevents backtracking on runs of stars; glob and name are both short.
    return re.compile(fnmatch.translate(glob))
