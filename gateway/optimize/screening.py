"""Uploads that stay as they are, whatever they contain."""

from collections.abc import Mapping
from typing import Final

from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policies, Policy
from slimgate.gateway.optimize.search import is_recordable
from slimgate.gateway.s3 import headers
from slimgate.gateway.s3.routing import Target

# Uploads with any of these headers must be stored unchanged.
_UNTOUCHABLE: Final = {
    "x-amz-object-lock-": Reason.OBJECT_LOCK,
    "x-amz-server-side-encryption-customer-": Reason.CUSTOMER_KEY,
    "x-amz-write-offset-bytes": Reason.OFFSET,
}


PLAIN_PARAMETERS: Final = frozenset({"x-id"})
"""Parameters without effect on the object; others may have one, such as Ceph's ``append``."""


def policy_for(policies: Policies, target: Target) -> Policy | None:
    """Return the policy of an upload; None: none matches, or it is off."""
    policy = policies.match(target.bucket, target.key)
    return None if policy is None or policy.mode == "off" else policy


def refusal(key: str, sent: Mapping[str, str], *, signed: bool) -> Refused | None:
    """Return why an upload stays as it is; None: key and headers permit optimization.

    Args:
        key: Object key.
        sent: Upload headers, case-insensitive.
        signed: The upload is signed.
    """
    if not signed:
        # Do no work for an anonymous client before the store has accepted the upload.
        return Refused(Reason.ANONYMOUS)
    if key.endswith("/"):
        return Refused(Reason.DIRECTORY)
    for beginning, reason in _UNTOUCHABLE.items():
        if any(name.lower().startswith(beginning) for name in sent):
            return Refused(reason)
    if headers.is_encoded(headers.forwardable(sent.items())):
        return Refused(Reason.ENCODED)
    if not is_recordable(sent.get("Content-Type", "")):
        return Refused(Reason.CONTENT_TYPE)
    return None
