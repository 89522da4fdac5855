"""Lossless renditions: tier ``exact``, the identical file, or ``lossless``, identical pixels."""

import hashlib
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from slimgate.codec.containers import Container
from slimgate.codec.manifest import Output, Stored, WholeCodec
from slimgate.codec.measures.reading import Reading
from slimgate.codec.restore import exact_parts, lossless
from slimgate.codec.restore.lossless import Lossless, Task
from slimgate.codec.restore.restore import content_digest, file_digest
from slimgate.codec.search.result import IDENTICAL, ChosenRendition
from slimgate.codec.search.state import Candidate, Trial
from slimgate.codec.search.verdicts import Verdict

_IDENTICAL: Final = Reading(IDENTICAL.psnr_db, IDENTICAL.psnr_db, IDENTICAL.ssim, IDENTICAL.orb)


class Attempt(NamedTuple):
    """Result of trying lossless renditions; ``chosen`` is None if there is none."""

    chosen: ChosenRendition | None
    trials: tuple[Trial, ...]


def of_file(data: bytes, size: tuple[int, int], codec: WholeCodec, *, max_stored: int) -> Attempt:
    """Transcode a file so that it is restored byte for byte.

    Args:
        data: upload.
        size: width and height in pixels, already checked.
        codec: codec of the rendition.
        max_stored: maximum size of a rendition, bytes.

    Returns:
        Nothing chosen if it cannot be reproduced, or is not small enough.
    """
    began = time.perf_counter()
    found = exact_parts.transcode(data, codec)
    seconds = time.perf_counter() - began
    if found is None:
        return Attempt(None, (trial_of("exact", codec, 0, Verdict.DOES_NOT_RETURN, seconds),))
    rendition = found.rendition
    verdict = Verdict.TOO_BIG if len(rendition) > max_stored else Verdict.HOLDS
    tried = (trial_of("exact", codec, len(rendition), verdict, seconds),)
    if verdict is Verdict.TOO_BIG:
        return Attempt(None, tried)
    stored = Stored(
        tier="exact", codec=codec, quality=100, scale=1, restorer=None, length=found.length
    )
    chosen = ChosenRendition(
        rendition, size, stored, None, _sha256(data), file_digest(data), IDENTICAL
    )
    return Attempt(chosen, tried)


def failed_attempt(tier: str, codec: str, verdict: Verdict, note: str) -> Attempt:
    """Return a lossless attempt that failed for a reason other than size."""
    return Attempt(
        None, (replace(trial_of(tier, codec, 0, verdict, 0.0), reading=Reading(), note=note),)
    )


def of_png(task: Task, tiers: Collection[str]) -> Attempt:
    """Store a PNG file so that pixels, chunks and mostly all bytes are restored.

    A rendition that is restored byte for byte is ``exact``, and satisfies either tier.

    Args:
        task: file and limits.
        tiers: tiers that the policy allows.

    Returns:
        Nothing chosen if it is not small enough, or only an identical file is allowed.
    """
    if not {"exact", "lossless"}.intersection(tiers):
        return Attempt(None, ())
    found = lossless.store(task)
    whole = found is not None and found.served == task.data
    if found is None or (not whole and "lossless" not in tiers):
        return Attempt(None, tuple(_trials(task, "exact" if whole else "lossless", None)))
    stored = Stored(
        tier="exact" if whole else "lossless",
        codec=found.codec,
        quality=100,
        scale=1,
        restorer=None,
    )
    chosen = ChosenRendition(
        rendition=found.rendition,
        size=(task.upload.width, task.upload.height),
        stored=stored,
        output=_output(task.upload),
        sha256=_sha256(found.served),
        content=content_digest(task.upload.metadata, task.pixels),
        fidelity=IDENTICAL,
    )
    return Attempt(chosen, tuple(_trials(task, stored.tier, found)))


def _trials(task: Task, tier: str, found: Lossless | None) -> Iterator[Trial]:
    """Yield a trial per encoding, with the size of the whole rendition for the stored one."""
    for codec, size, seconds in task.tried:
        if found is not None and codec == found.codec:
            yield trial_of(tier, codec, len(found.rendition), Verdict.HOLDS, seconds)
        else:
            if size == 0:
                yield trial_of(tier, codec, size, Verdict.FAILED, seconds)
                continue
            big = found is not None or size > task.max_stored
            verdict = Verdict.TOO_BIG if big else Verdict.DOES_NOT_RETURN
            yield trial_of(tier, codec, size, verdict, seconds)


def trial_of(tier: str, codec: str, size: int, verdict: Verdict, seconds: float) -> Trial:
    """Return a trial of a lossless encoding."""
    stored = Stored.model_validate(
        {"tier": tier, "codec": codec, "quality": 100, "scale": 1, "restorer": None}
    )
    candidate = Candidate(stored.tier, stored.codec, 1, None, "4:4:4")
    return Trial(candidate, stored.quality, size, verdict, _IDENTICAL, seconds, sampled=False)


def _output(upload: Container) -> Output:
    return Output(
        format=upload.format, mode=upload.mode, quality=100, subsampling=None, progressive=False
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
