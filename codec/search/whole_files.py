"""Store files whose pixels the search does not judge: they return byte for byte or not at all."""

from codec.reasons import Reason, Refused
from codec.search import lossless, memory_needs
from codec.search.allowed_steps import EXACT, AllowedSteps
from codec.search.eligibility import max_stored, whole_sides
from codec.search.lossless import Attempt
from codec.search.omissions import Omission
from codec.search.verdicts import Verdict
from config import Policy


def find(data: bytes, mime: str, policy: Policy, steps: AllowedSteps) -> Attempt:
    """Find a byte-exact rendition of a file.

    Args:
        data: upload, untrusted.
        mime: its type, one of :data:`codec.containers.WHOLE`.
        policy: the policy.
        steps: allowed steps and memory.

    Returns:
        Nothing chosen if no rendition is small enough.

    Raises:
        Refused: the policy does not allow the tier, or the file has no size in pixels.
    """
    steps.omit("lossless", Omission.FORMAT, mime)
    steps.omit("lossy", Omission.FORMAT, mime)
    if "exact" not in policy.tiers:
        raise Refused(Reason.UNSUPPORTED, f"{mime} needs the tier exact, which the policy lacks")
    size = whole_sides(data, mime, policy)
    if EXACT in steps.ruled_out:
        steps.omit("exact", Omission.LOST)
        raise Refused(Reason.WORKER_LOST, "process died compressing it")
    lacking = steps.lacks(memory_needs.to_compress(len(data)))
    if lacking:
        return lossless.failed_attempt("exact", "zstd", Verdict.NEEDS_MEMORY, lacking)
    steps.mark(EXACT)
    return lossless.of_file(data, size, "zstd", max_stored=max_stored(data, policy))
