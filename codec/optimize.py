"""Turn an upload into a rendition and its manifest, or say why it stays as it is."""

import hashlib
import math
from dataclasses import dataclass
from typing import Final

from codec import fidelity, manifest, referee
from codec.containers import Container, Unsupported, header, parse, sniff
from codec.manifest import Manifest, Measured
from codec.pixels import Pixels, decode_as, opened
from codec.referee import Subject, Trial, Winner
from codec.restore import DamagedRendition, DigestMismatch, Upscalers, restore
from config import Policy

MIN_SIDE: Final = 16
"""Images with a smaller side stay plain: no measure is meaningful and nothing is to be saved."""

_MANIFEST_ROOM: Final = 400
"""Bytes of metadata that a rendition costs on top, in round figures: they are billed too."""

_ORIENTATION_TAG: Final = 0x0112  # EXIF 2.32, table 4


class Refused(Exception):
    """The upload stays as it is; the message is a short reason for logs and metrics."""


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
        restorer: Content hash of the policy's restorer.
        gateway: Version to record.
        deadline: ``time.monotonic()`` after which the best so far counts.
    """

    policy: Policy
    content_type: str
    restorer: str
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
    upload = _admit(data, terms.policy)
    subject = _subject(data, upload, terms.policy)
    contest = referee.compete(
        subject,
        terms.policy,
        restorer=terms.restorer,
        upscalers=upscalers,
        deadline=terms.deadline,
    )
    if contest.best is None:
        verdicts = ", ".join(sorted({trial.verdict for trial in contest.trials}))
        raise Refused(f"nothing smaller holds the floor ({verdicts or 'out of time'})")
    note = _seal(data, upload, contest.best, terms, subject.pixels)
    _prove(contest.best, note, upscalers)
    return Optimized(contest.best.rendition, note, tuple(contest.trials))


def _admit(data: bytes, policy: Policy) -> Container:
    mime = sniff(data[:32])
    if mime not in policy.types:
        raise Refused("not an image of a type that the policy names")
    try:
        upload = parse(data)
    except Unsupported as error:
        raise Refused(str(error)) from error
    if upload.width * upload.height > min(policy.limits.max_pixels, manifest.MAX_PIXELS):
        raise Refused("more pixels than the policy allows")
    if max(upload.width, upload.height) > manifest.MAX_SIDE:
        raise Refused("a side longer than a rendition can have")
    if min(upload.width, upload.height) < MIN_SIDE:
        raise Refused("too small to gain anything")
    return upload


def _subject(data: bytes, upload: Container, policy: Policy) -> Subject:
    return Subject(
        pixels=decode_as(upload, data),
        upload=upload,
        size=len(data),
        blob=header.pack(upload.kept, upload.icc) if upload.kept else b"",
        orientation=_orientation(data, upload),
        max_stored=int(len(data) * (1 - policy.min_saving)) - _MANIFEST_ROOM,
    )


def _orientation(data: bytes, upload: Container) -> int:
    try:
        with opened(data, upload.format) as image:
            value = image.getexif().get(_ORIENTATION_TAG, 1)
    except (OSError, ValueError, SyntaxError):
        # The pixels were decoded already: only EXIF is damaged, which viewers ignore, and which
        # the served file gets back as it was.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _seal(
    data: bytes, upload: Container, winner: Winner, terms: Terms, original: Pixels
) -> Manifest:
    measured = fidelity.measure(original, decode_as(upload, winner.served))
    return Manifest(
        version=manifest.VERSION,
        size=len(data),
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        content_type=terms.content_type,
        width=upload.width,
        height=upload.height,
        stored=winner.stored,
        output=winner.output,
        sha256=hashlib.sha256(winner.served).hexdigest(),
        content=winner.content,
        measured=Measured(
            psnr_db=_rounded_down(measured.psnr_db, 100),
            ssim=_rounded_down(measured.ssim, 10_000),
            orb=_rounded_down(measured.orb, 1_000),
        ),
        policy=terms.policy.digest,
        gateway=terms.gateway,
    )


def _rounded_down(value: float, steps: int) -> float:
    """Drop digits so that what is recorded is never above what was measured."""
    return math.floor(value * steps) / steps


def _prove(winner: Winner, note: Manifest, upscalers: Upscalers) -> None:
    """Restore from nothing but what will be in the bucket, as GET does."""
    try:
        restore(winner.rendition, manifest.loads(note.dumps()), upscalers)
    except (DamagedRendition, DigestMismatch) as error:
        raise Refused(f"the rendition does not restore: {error}") from error
