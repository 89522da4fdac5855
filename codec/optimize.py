"""Turn an upload into a rendition and its manifest, or say why it stays as it is."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from codec import floors, manifest, referee, unchanged
from codec.admission import Refused, admit, check_type, jpeg_sides, max_stored
from codec.chosen import Chosen
from codec.containers import header
from codec.contest import Contest, Subject, Trial
from codec.lossless import Task
from codec.manifest import Manifest, Measured
from codec.pixels import decode_as, orientation
from codec.restore import DamagedRendition, DigestMismatch, Upscalers, restore
from codec.unchanged import Attempt
from config import Policy
from config.policy import Effort

__all__ = ["Optimized", "Refused", "Terms", "optimize"]

_LOSSY: Final = frozenset({"recode", "downscale"})
_LEAST: Final = {"JPEG": 0.6, "PNG": 0.4, "WEBP": 0.0}
"""Share of the bytes of a JPEG or a photograph's PNG below which nothing comes without loss."""


@dataclass(frozen=True, slots=True)
class Optimized:
    """A rendition that was proved to hold its policy's floor.

    Attributes:
        rendition: What to store.
        manifest: How to restore it.
        trials: What the referee tried.
    """

    rendition: bytes
    manifest: Manifest
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """Under what conditions an upload is optimized.

    Attributes:
        policy: The policy of its bucket and key.
        content_type: As the client gave it.
        restorers: Content hash of the policy's restorer for each scale; 1: of what removes
            artefacts at full size.
        gateway: Version to record.
        deadline: ``time.monotonic()`` after which the best so far counts.
    """

    policy: Policy
    content_type: str
    restorers: Mapping[int, str]
    gateway: str
    deadline: float


def optimize(data: bytes, terms: Terms, upscalers: Upscalers) -> Optimized:
    """Find the smallest rendition of an upload and prove that it restores.

    Args:
        data: The upload, untrusted.
        terms: What is demanded.
        upscalers: Where restorers come from.

    Raises:
        Refused: The upload is not handled, or nothing smaller holds the floor.
        OSError, ValueError, SyntaxError: The upload cannot be decoded.
    """
    policy = terms.policy
    is_jpeg = check_type(data, policy) == "image/jpeg"
    if is_jpeg and not _LOSSY.intersection(policy.tiers):
        whole = _exact_jpeg(data, policy, max_stored(data, policy))
        if whole.chosen is not None:
            return _stored(data, whole.chosen, terms, upscalers, whole.trials)
    try:
        subject = _subject(data, policy)
    except (Refused, OSError, ValueError, SyntaxError):
        if not is_jpeg:
            raise
        # What cannot be taken apart can still return as a whole.
        whole = _exact_jpeg(data, policy, max_stored(data, policy))
        if whole.chosen is None:
            raise
        return _stored(data, whole.chosen, terms, upscalers, whole.trials)
    contest = referee.compete(
        subject,
        policy,
        restorers=terms.restorers,
        upscalers=upscalers,
        deadline=terms.deadline,
    )
    same = _without_loss(data, contest, terms)
    tried = (*contest.trials, *same.trials)
    chosen = same.chosen or _winner(contest)
    if chosen is None:
        verdicts = ", ".join(sorted({trial.verdict for trial in tried}))
        reason = verdicts or ("out of time" if contest.is_over else "too big")
        raise Refused(f"nothing smaller holds the floor ({reason})", tried)
    return _stored(data, chosen, terms, upscalers, tried)


def _exact_jpeg(data: bytes, policy: Policy, most: int) -> Attempt:
    """Transcode a JPEG file, also one that has something in it that cannot be taken apart."""
    if "exact" not in policy.tiers:
        return Attempt(None, ())
    return unchanged.of_jpeg(data, jpeg_sides(data, policy), max_stored=most)


def _subject(data: bytes, policy: Policy) -> Subject:
    upload = admit(data, policy)
    return Subject(
        pixels=decode_as(upload, data),
        upload=upload,
        size=len(data),
        blob=header.pack(upload.kept, upload.icc) if upload.kept else b"",
        orientation=orientation(data, upload),
        max_stored=max_stored(data, policy),
    )


def _without_loss(data: bytes, contest: Contest, terms: Terms) -> Attempt:
    """Look for a rendition without loss that is smaller than the best of the contest."""
    subject, policy = contest.subject, terms.policy
    if _is_beyond(contest, policy.effort):
        return Attempt(None, ())
    if subject.upload.format == "JPEG":
        return _exact_jpeg(data, policy, contest.max_stored)
    if subject.upload.format != "PNG":
        return Attempt(None, ())
    task = Task(
        data=data,
        upload=subject.upload,
        pixels=subject.pixels,
        orientation=subject.orientation,
        speed=referee.PAINS[policy.effort].speed,
        max_stored=contest.max_stored,
        deadline=terms.deadline,
    )
    return unchanged.of_png(task, policy.tiers)


def _is_beyond(contest: Contest, effort: Effort) -> bool:
    """Tell that nothing without loss can be smaller than the best, which is not worth the proof."""
    best, upload = contest.best, contest.subject.upload
    if best is None or effort == "best":
        return False
    if upload.format == "PNG" and contest.kind != "photo":
        return False
    return len(best.rendition) < _LEAST[upload.format] * contest.subject.size


def _winner(contest: Contest) -> Chosen | None:
    winner, subject = contest.best, contest.subject
    if winner is None:
        return None
    return Chosen(
        rendition=winner.rendition,
        size=(subject.upload.width, subject.upload.height),
        stored=winner.stored,
        output=winner.output,
        sha256=hashlib.sha256(winner.served).hexdigest(),
        content=winner.content,
        fidelity=floors.complete(
            winner.reading, subject.pixels, lambda: decode_as(subject.upload, winner.served)
        ),
    )


def _stored(
    data: bytes,
    chosen: Chosen,
    terms: Terms,
    upscalers: Upscalers,
    trials: tuple[Trial, ...],
) -> Optimized:
    note = _seal(data, chosen, terms)
    _prove(chosen.rendition, note, upscalers)
    return Optimized(chosen.rendition, note, trials)


def _seal(data: bytes, chosen: Chosen, terms: Terms) -> Manifest:
    width, height = chosen.size
    return Manifest(
        version=manifest.VERSION,
        size=len(data),
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        content_type=terms.content_type,
        width=width,
        height=height,
        stored=chosen.stored,
        output=chosen.output,
        sha256=chosen.sha256,
        content=chosen.content,
        measured=Measured(
            psnr_db=_rounded_down(chosen.fidelity.psnr_db, 100),
            ssim=_rounded_down(chosen.fidelity.ssim, 10_000),
            orb=_rounded_down(chosen.fidelity.orb, 1_000),
        ),
        policy=terms.policy.digest,
        gateway=terms.gateway,
    )


def _rounded_down(value: float, steps: int) -> float:
    """Drop digits so that what is recorded is never above what was measured."""
    return math.floor(value * steps) / steps


def _prove(rendition: bytes, note: Manifest, upscalers: Upscalers) -> None:
    """Restore from nothing but what will be in the bucket, as GET does."""
    try:
        restore(rendition, manifest.loads(note.dumps()), upscalers)
    except (DamagedRendition, DigestMismatch) as error:
        raise Refused(f"the rendition does not restore: {error}") from error
