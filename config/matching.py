"""Which policy an object falls under: the first one whose bucket glob and prefix fit."""

import fnmatch
import re
from collections.abc import Iterator, Sequence
from typing import Final

from config.policy import Policy

MAX_BUCKET: Final = 63  # Amazon S3 user guide, "General purpose bucket naming rules"


class Policies:
    """Policies in order, ready to be asked; bucket globs are translated once."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._rules = tuple((_translate(policy.bucket), policy) for policy in policies)

    def __iter__(self) -> Iterator[Policy]:
        return (policy for _, policy in self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def match(self, bucket: str, key: str) -> Policy | None:
        """Return the first policy for the object, whatever its mode, or None.

        Args:
            bucket: name of any length; no policy matches one that S3 does not allow.
            key: decoded object key.
        """
        for policy in self._for_bucket(bucket):
            if key.startswith(policy.prefix):
                return policy
        return None

    def names_bucket(self, bucket: str) -> bool:
        """Return whether any policy names the bucket, whatever its prefix and mode."""
        return any(True for _ in self._for_bucket(bucket))

    def _for_bucket(self, bucket: str) -> Iterator[Policy]:
        # The bound keeps a hostile name from costing more than a real one.
        if len(bucket) <= MAX_BUCKET:
            yield from (policy for glob, policy in self._rules if glob.match(bucket))


def shadowed(policies: Sequence[Policy]) -> Iterator[tuple[int, int]]:
    """Yield pairs (later, earlier) of positions where the later policy can never match.

    Only the certain case is found: the same glob, and an earlier prefix that begins the later one.
    A policy is paired with the first one that takes everything from it.
    """
    # Quadratic, but in a list of bounded length that the owner writes.
    for position, policy in enumerate(policies):
        for earlier, other in enumerate(policies[:position]):
            if policy.bucket == other.bucket and policy.prefix.startswith(other.prefix):
                yield position, earlier
                break


def _translate(glob: str) -> re.Pattern[str]:
    # fnmatch.translate guards runs of stars against backtracking, and both sides are short.
    return re.compile(fnmatch.translate(glob))
