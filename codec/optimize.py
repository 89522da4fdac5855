"""Turn an upload into a rendition and its manifest, or say why it stays as it is."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from codec import manifest
from codec.containers import header, sniff
from codec.image.pixels import decode_as, orientation
from codec.manifest import Manifest, Measured
from codec.measures import floors
from codec.reasons import Reason, Refused
from codec.restore.lossless import Task
from codec.restore.restore import DamagedRendition, DigestMismatch, Upscalers, restore
from codec.search import lossless, memory_needs, referee
from codec.search.contest import Contest, Subject, Trial
from codec.search.effort import Work
from codec.search.eligibility import admit, check_type, jpeg_sides, max_stored
from codec.search.failures import reason as reason_of
from codec.search.failures import refusal
from codec.search.lossless import Attempt
from codec.search.result import Chosen
from codec.search.steps import DECODE, EXACT, LOSSLESS, LOSSY_STEPS, Steps
from codec.search.verdicts import Verdict
from config import Policy
from config.policy import Effort

__all__ = ["LOSSY_STEPS", "Optimized", "Refused", "Terms", "optimize"]

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
        work_s: Work after which the best so far counts, in seconds of one core as
            :mod:`codec.search.effort` charges them.
        steps: What may be done, and within which memory.
    """

    policy: Policy
    content_type: str
    restorers: Mapping[int, str]
    gateway: str
    work_s: float
    steps: Steps = field(default_factory=Steps)


def optimize(data: bytes, terms: Terms, upscalers: Upscalers) -> Optimized:
    """Find the smallest rendition of an upload and prove that it restores.

    Args:
        data: The upload, untrusted.
        terms: What is demanded.
        upscalers: Where restorers come from.

    Raises:
        Refused: The upload is not handled, or nothing smaller holds the floor.
        MemoryError: There is not enough memory to decode the upload.
        OSError, ValueError, SyntaxError: The upload cannot be decoded.
    """
    if check_type(data, terms.policy) == "image/jpeg" and not _may_lose(data, terms):
        whole = _whole(data, terms, max_stored(data, terms.policy))
        if whole.chosen is not None:
            return _stored(data, whole.chosen, terms, upscalers, whole.trials)
        if _LOSSY.intersection(terms.policy.tiers):
            raise _in_vain(whole.trials)
    try:
        contest = _competed(data, terms, upscalers)
    except Exception:  # noqa: BLE001  # decoders raise anything
        return _as_a_whole(data, terms, upscalers)
    return _best(data, contest, terms, upscalers)


def _may_lose(data: bytes, terms: Terms) -> bool:
    """Return whether a JPEG file need be decoded: something with loss may be stored of it."""
    policy, steps = terms.policy, terms.steps
    if not _LOSSY.intersection(policy.tiers) or DECODE in steps.ruled_out:
        return False
    if not set(policy.codecs) - steps.ruled_out:
        return False
    try:
        width, height = jpeg_sides(data, policy)
    except Refused:
        return True  # to hear why
    return steps.lacks(memory_needs.least_to_try(width * height)) is None


def _as_a_whole(data: bytes, terms: Terms, upscalers: Upscalers) -> Optimized:
    """Store what cannot be taken apart so that it returns as a whole; call it from a handler.

    Raises:
        Exception: What is being handled, where that cannot be done.
    """
    if sniff(data[:32]) == "image/jpeg":
        whole = _whole(data, terms, max_stored(data, terms.policy))
        if whole.chosen is not None:
            return _stored(data, whole.chosen, terms, upscalers, whole.trials)
    raise  # noqa: PLE0704  # see above


def _whole(data: bytes, terms: Terms, most: int, *, held: int = 0) -> Attempt:
    """Transcode a JPEG file, also one that has something in it that cannot be taken apart.

    Args:
        data: The file.
        terms: What may be done.
        most: Bytes that a rendition may have.
        held: Bytes of memory that are taken already.
    """
    policy, steps = terms.policy, terms.steps
    if "exact" not in policy.tiers or EXACT in steps.ruled_out:
        return Attempt(None, ())
    size = jpeg_sides(data, policy)
    lacking = steps.lacks(held + memory_needs.to_transcode(size[0] * size[1]))
    if lacking:
        return lossless.lost("exact", "jxl", Verdict.NEEDS_MEMORY, lacking)
    steps.mark(EXACT)
    try:
        return lossless.of_jpeg(data, size, max_stored=most)
    except Exception as error:  # noqa: BLE001  # the library may raise anything
        return lossless.lost("exact", "jxl", Verdict.FAILED, reason_of(error))


def _competed(data: bytes, terms: Terms, upscalers: Upscalers) -> Contest:
    """Let everything with loss compete."""
    if DECODE in terms.steps.ruled_out:
        raise Refused(Reason.WORKER_LOST, "process died decoding it")
    terms.steps.mark(DECODE)
    return referee.compete(
        _subject(data, terms.policy),
        terms.policy,
        restorers=terms.restorers,
        upscalers=upscalers,
        work=Work(terms.work_s),
        steps=terms.steps,
    )


def _best(data: bytes, contest: Contest, terms: Terms, upscalers: Upscalers) -> Optimized:
    """Store the smallest rendition that proves to restore; what fails makes room for the next.

    Raises:
        Refused: There is none.
    """
    trials, problems = [*contest.trials], list[Refused]()
    ways = [_without_loss, _winner]
    for find in reversed(ways) if _is_beyond(contest, terms.policy.effort) else ways:
        try:
            found = find(data, contest, terms)
            trials += found.trials
            if found.chosen is not None:
                return _stored(data, found.chosen, terms, upscalers, tuple(trials))
        except Exception as error:  # noqa: BLE001  # a library's; the other way is still open
            problems.append(error if isinstance(error, Refused) else refusal(error))
            contest.best = None if find is _winner else contest.best
    if problems:
        raise Refused(problems[0].reason, problems[0].detail, tuple(trials))
    raise _in_vain(trials, late=contest.is_over)


def _in_vain(trials: Sequence[Trial], *, late: bool = False) -> Refused:
    """Say why nothing that was tried is stored."""
    # A sample may hold, and the image not.
    lost = [t for t in trials if t.verdict is not Verdict.HOLDS]
    verdicts = {f"{t.verdict}: {t.note}" if t.note else str(t.verdict) for t in lost}
    if late:
        verdicts.add("no work left: see limits.timeout_s")
    shown = ", ".join(sorted(verdicts)) or str(Verdict.TOO_BIG)
    return Refused(Reason.FLOOR, shown, tuple(trials))


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
    subject, policy, steps = contest.subject, terms.policy, terms.steps
    if subject.upload.format == "JPEG":
        if contest.best is None:
            contest.forget_pixels()  # it takes much memory, and needs none of them
        held = contest.subject.pixels.nbytes
        return _whole(data, terms, contest.max_stored, held=held)
    if subject.upload.format != "PNG" or LOSSLESS in steps.ruled_out:
        return Attempt(None, ())
    steps.mark(LOSSLESS)
    task = Task(
        data=data,
        upload=subject.upload,
        pixels=subject.pixels,
        orientation=subject.orientation,
        speed=referee.PAINS[policy.effort].speed,
        max_stored=contest.max_stored,
        work=contest.work,
    )
    return lossless.of_png(task, policy.tiers)


def _is_beyond(contest: Contest, effort: Effort) -> bool:
    """Tell that nothing without loss can be smaller than the best, which is not worth the proof."""
    best, upload = contest.best, contest.subject.upload
    if best is None or effort == "best":
        return False
    if upload.format == "PNG" and contest.kind != "photo":
        return False
    return len(best.rendition) < _LEAST[upload.format] * contest.subject.size


def _winner(_: bytes, contest: Contest, __: Terms) -> Attempt:
    """Describe the best of the contest."""
    winner, subject = contest.best, contest.subject
    if winner is None:
        return Attempt(None, ())
    chosen = Chosen(
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
    return Attempt(chosen, ())


def _stored(
    data: bytes,
    chosen: Chosen,
    terms: Terms,
    upscalers: Upscalers,
    trials: tuple[Trial, ...],
) -> Optimized:
    note = _seal(data, chosen, terms)
    terms.steps.mark(_step(chosen, data))
    _prove(chosen.rendition, note, upscalers)
    return Optimized(chosen.rendition, note, trials)


def _step(chosen: Chosen, data: bytes) -> str:
    """Name the step that made a rendition."""
    if chosen.stored.tier in _LOSSY:
        return chosen.stored.codec
    return EXACT if sniff(data[:32]) == "image/jpeg" else LOSSLESS


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
        raise Refused(Reason.PROOF, str(error)) from error
