"""Turn an upload into a rendition and its manifest, or say why it stays as it is."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from PIL import ExifTags

from codec import floors, manifest, referee, unchanged
from codec.admission import Refused, admit, check_type, jpeg_sides, max_stored
from codec.chosen import Chosen
from codec.containers import Container, header
from codec.contest import Contest, Subject, Trial
from codec.lossless import Task
from codec.manifest import Manifest, Measured
from codec.pixels import decode_as, opened
from codec.restore import DamagedRendition, DigestMismatch, Upscalers, restore
from config import Policy
from config.policy import Effort

__all__ = ["Optimized", "Refused", "Terms", "optimize"]

_LOSSY: Final = frozenset({"recode", "downscale"})
_LEAST_LOSSLESS: Final = 0.4
"""Share of a photograph's PNG below which JPEG XL and WebP do not come without loss."""


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
    whole = _exact_jpeg(data, terms.policy)
    if whole is not None and not _LOSSY.intersection(terms.policy.tiers):
        return _stored(data, whole, terms, upscalers, ())
    try:
        subject = _subject(data, terms.policy, whole)
    except (Refused, OSError, ValueError, SyntaxError):
        if whole is None:
            raise
        # What cannot be taken apart can still return as a whole.
        return _stored(data, whole, terms, upscalers, ())
    contest = referee.compete(
        subject,
        terms.policy,
        restorers=terms.restorers,
        upscalers=upscalers,
        deadline=terms.deadline,
    )
    chosen = _smaller_png(data, contest, terms) or _winner(contest) or whole
    if chosen is None:
        verdicts = ", ".join(sorted({trial.verdict for trial in contest.trials}))
        reason = verdicts or ("out of time" if contest.is_over else "too big")
        raise Refused(f"nothing smaller holds the floor ({reason})", tuple(contest.trials))
    return _stored(data, chosen, terms, upscalers, tuple(contest.trials))


def _exact_jpeg(data: bytes, policy: Policy) -> Chosen | None:
    """Transcode a JPEG file, also one that has something in it that cannot be taken apart."""
    if check_type(data, policy) != "image/jpeg" or "exact" not in policy.tiers:
        return None
    sides = jpeg_sides(data, policy)
    return unchanged.of_jpeg(data, sides, max_stored=max_stored(data, policy))


def _subject(data: bytes, policy: Policy, whole: Chosen | None) -> Subject:
    upload = admit(data, policy)
    return Subject(
        pixels=decode_as(upload, data),
        upload=upload,
        size=len(data),
        blob=header.pack(upload.kept, upload.icc) if upload.kept else b"",
        orientation=_orientation(data, upload),
        max_stored=len(whole.rendition) - 1 if whole else max_stored(data, policy),
    )


def _smaller_png(data: bytes, contest: Contest, terms: Terms) -> Chosen | None:
    """Look for a rendition without loss that is smaller than the best of the contest."""
    subject = contest.subject
    if subject.upload.format != "PNG" or _is_beyond(contest, terms.policy.effort):
        return None
    task = Task(
        data=data,
        upload=subject.upload,
        pixels=subject.pixels,
        orientation=subject.orientation,
        speed=referee.PAINS[terms.policy.effort].speed,
        max_stored=contest.max_stored,
        deadline=terms.deadline,
    )
    return unchanged.of_png(task, terms.policy.tiers)


def _is_beyond(contest: Contest, effort: Effort) -> bool:
    """Tell that nothing without loss can be smaller than the best, which is not worth the proof."""
    best = contest.best
    if best is None or contest.kind != "photo" or effort == "best":
        return False
    return len(best.rendition) < _LEAST_LOSSLESS * contest.subject.size


def _winner(contest: Contest) -> Chosen | None:
    winner, subject = contest.best, contest.subject
    if winner is None:
        return None
    shown = decode_as(subject.upload, winner.served)
    return Chosen(
        rendition=winner.rendition,
        size=(subject.upload.width, subject.upload.height),
        stored=winner.stored,
        output=winner.output,
        sha256=hashlib.sha256(winner.served).hexdigest(),
        content=winner.content,
        fidelity=floors.complete(winner.reading, subject.pixels, shown),
    )


def _orientation(data: bytes, upload: Container) -> int:
    try:
        with opened(data, upload.format) as image:
            value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, ValueError, SyntaxError):
        # The pixels were decoded already: only EXIF is damaged, which viewers ignore, and which
        # the served file gets back as it was.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


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
