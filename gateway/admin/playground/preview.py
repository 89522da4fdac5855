"""Preview what a policy makes of an image, with the gateway's own workers but no bucket."""

import time
from typing import Final

from slimgate.codec.containers import SNIFFED, sniff
from slimgate.codec.reasons import Refused
from slimgate.config import Policy
from slimgate.gateway.admin.playground.results import Result
from slimgate.gateway.optimize import pipeline
from slimgate.gateway.optimize.candidate import Candidate, InMemory
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.workers.pool import Workers

_NOWHERE: Final = Target("", "", "")


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
    image = Candidate(
        policy=policy,
        target=_NOWHERE,
        headers={} if mime is None else {"Content-Type": mime},
        source=InMemory(data),
        workers=workers,
    )
    served: bytes | None = None
    refusal: Refused | None = None
    try:
        await pipeline.run(pipeline.FIND, image)
        found = image.rendition
        served, _ = await workers.restore(found.rendition, found.manifest)
        trials, omitted = found.trials, found.omitted
    except Refused as refused:
        refusal, trials, omitted = refused, refused.trials, refused.omitted
    return Result(
        name=name or "image",
        mime=mime,
        upload=data,
        policy=policy,
        found=image.found,
        served=served,
        refusal=refusal,
        trials=trials,
        omitted=omitted,
        seconds=time.monotonic() - started,
    )
