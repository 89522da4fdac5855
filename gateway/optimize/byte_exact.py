"""Uploads that must come back byte for byte: only byte-exact tiers may store them.

``Cache-Control: no-transform`` requires it (RFC 9111, section 5.2.2.6), and so do keys that contain
a digest of the content, because readers verify it.
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Reason, Refused
from slimgate.codec.search.omissions import TIERS, Omission, Omitted
from slimgate.config import Policy

_TIER: Final = "exact"


class ByteExact(StrEnum):
    """Why an upload must come back byte for byte; the value is for people."""

    NO_TRANSFORM = "Cache-Control says no-transform"
    MD5 = "the key contains the MD5 of the content"
    SHA1 = "the key contains the SHA-1 of the content"
    SHA256 = "the key contains the SHA-256 of the content"


# Lengths of the shortest encoding, base64 without padding; shorter words contain no digest.
_SHORTEST: Final = 22
_DIGESTS: Final = (
    ("md5", _SHORTEST, ByteExact.MD5),
    ("sha1", 27, ByteExact.SHA1),
    ("sha256", 43, ByteExact.SHA256),
)
_WORDS: Final = re.compile(r"[A-Za-z0-9+_-]+")


async def reason(key: str, data: bytes, said: Mapping[str, str]) -> ByteExact | None:
    """Return why an upload must come back byte for byte; None if it need not.

    Args:
        key: Object key.
        data: The whole upload; digests are computed in a thread.
        said: Upload headers, case-insensitive.
    """
    directives = {each.strip().lower() for each in said.get("Cache-Control", "").split(",")}
    if "no-transform" in directives:
        return ByteExact.NO_TRANSFORM
    if _longest_word(key) < _SHORTEST:
        return None
    return await asyncio.to_thread(digest_in, key, data)


def digest_in(key: str, data: bytes) -> ByteExact | None:
    """Return which digest of the content a key contains; None if there is none.

    Recognized are hexadecimal (also as a UUID), base32 and base64, split by slashes or not.
    """
    longest = _longest_word(key)
    bare = key.replace("/", "")
    plain = bare.replace("-", "").lower()
    for algorithm, shortest, found in _DIGESTS:
        if longest < shortest:
            break
        digest = hashlib.new(algorithm, data, usedforsecurity=False).digest()
        if any(each in plain for each in _spelled_in_any_case(digest)):
            return found
        if any(each in bare for each in _spelled_in_this_case(digest)):
            return found
    return None


def _longest_word(key: str) -> int:
    return max(map(len, _WORDS.findall(key.replace("/", ""))), default=0)


def _spelled_in_any_case(digest: bytes) -> Iterator[str]:
    yield digest.hex()
    yield base64.b32encode(digest).decode().rstrip("=").lower()


def _spelled_in_this_case(digest: bytes) -> Iterator[str]:
    yield base64.urlsafe_b64encode(digest).decode().rstrip("=")
    # A slash of the base64 alphabet also splits.
    yield base64.b64encode(digest).decode().rstrip("=").replace("/", "")


def narrowed(policy: Policy, why: ByteExact) -> Policy:
    """Return a policy restricted to byte-exact tiers.

    Args:
        policy: The policy.
        why: As :func:`reason`.

    Raises:
        Refused: The policy allows none.
    """
    if _TIER not in policy.tiers:
        omitted = tuple(Omitted(tier, Omission.TIER) for tier in TIERS)
        detail = f"({why}): the policy does not allow the tier {_TIER}"
        raise Refused(Reason.BYTE_EXACT, detail, omitted=_by_policy(omitted, policy))
    return policy.model_copy(update={"tiers": (_TIER,), "scales": ()})


def refusal(why: ByteExact, refused: Refused, policy: Policy) -> Refused:
    """Return why an upload that must come back byte for byte stays as it is."""
    omitted = _by_policy(refused.omitted, policy)
    return Refused(Reason.BYTE_EXACT, f"({why}): {refused}", refused.trials, omitted)


def _by_policy(omitted: tuple[Omitted, ...], policy: Policy) -> tuple[Omitted, ...]:
    """Name the bytes as the reason for leaving out tiers that the policy allows."""
    return tuple(
        each._replace(why=Omission.BYTES)
        if each.why is Omission.TIER and each.what in policy.tiers
        else each
        for each in omitted
    )


def by_policy(found: Optimized, policy: Policy) -> Optimized:
    """Record the original policy in a manifest, not the restricted one."""
    manifest = found.manifest.model_copy(update={"policy": policy.digest})
    return replace(found, manifest=manifest, omitted=_by_policy(found.omitted, policy))
