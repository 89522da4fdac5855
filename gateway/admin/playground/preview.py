"""Preview what a policy makes of an image, with the gateway's own workers but no bucket."""

import time

from codec.containers import sniff
from codec.optimize import Optimized
from codec.reasons import Reason, Refused
from config import Policy
from gateway.admin.playground.results import Result
from gateway.optimize.pipeline import SNIFFED, rendition
from gateway.workers.pool import Workers


async def preview(workers: Workers, policy: Policy, name: str, data: bytes) -> Result:
    """Find what would be stored for an image, and what GET would return.

    Args:
        workers: Optimize and restore.
        policy: The policy, whatever its mode.
        name: File name.
        data: The file, untrusted.

    Raises:
        Busy: The queue is full.
        UNRESTORABLE: The rendition does not restore, although it did during the search.
    """
    started = time.monotonic()
    mime = sniff(data[:SNIFFED])
    found: Optimized | None = None
    served: bytes | None = None
    refusal: Refused | None = None
    try:
        _check_size(data, policy)
        found = await rendition(workers, policy, data, mime)
        served, _ = await workers.restore(found.rendition, found.manifest)
        trials, omitted = found.trials, found.omitted
    except Refused as refused:
        refusal, trials, omitted = refused, refused.trials, refused.omitted
    return Result(
        name=name or "image",
        mime=mime,
        upload=data,
        policy=policy,
        found=found,
        served=served,
        refusal=refusal,
        trials=trials,
        omitted=omitted,
        seconds=time.monotonic() - started,
    )


def _check_size(data: bytes, policy: Policy) -> None:
    if not 0 < len(data) <= policy.limits.max_bytes:
        raise Refused(Reason.SIZE)
