"""Which uploads stay as they are whatever they contain."""

from collections.abc import Mapping
from typing import Final

from codec.reasons import Reason, Refused
from config import Policies, Policy
from gateway.optimize.search import is_recordable
from gateway.s3 import headers
from gateway.s3.routing import Target

# Uploads with any of these are stored as they are: the bytes are not ours to change.
_UNTOUCHABLE: Final = {
    "x-amz-object-lock-": Reason.OBJECT_LOCK,
    "x-amz-server-side-encryption-customer-": Reason.CUSTOMER_KEY,
    "x-amz-write-offset-bytes": Reason.OFFSET,
}


def policy_for(policies: Policies, target: Target) -> Policy | None:
    """Return the policy of an upload; None: there is none, or it is off."""
    policy = policies.match(target.bucket, target.key)
    return None if policy is None or policy.mode == "off" else policy


def refusal(key: str, sent: Mapping[str, str], *, signed: bool) -> Refused | None:
    """Return why an upload stays as it is; None: its key and its headers allow more.

    Args:
        key: Of the object.
        sent: Headers of the upload, without regard to case.
        signed: The upload has a signature.
    """
    if not signed:
        # An unknown client may not make the gateway work before the store has said yes.
        return Refused(Reason.ANONYMOUS)
    if key.endswith("/"):
        return Refused(Reason.DIRECTORY)
    for beginning, reason in _UNTOUCHABLE.items():
        if any(name.lower().startswith(beginning) for name in sent):
            return Refused(reason)
    encoding = headers.forwardable(sent.items()).get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        return Refused(Reason.ENCODED)
    if not is_recordable(sent.get("Content-Type", "")):
        return Refused(Reason.CONTENT_TYPE)
    return None
