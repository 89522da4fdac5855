"""Find the smallest rendition of an image that holds its policy's floor.

Candidates compete one after the other; each is encoded, restored with the code that GET runs and
measured on the file that GET will serve. What has won so far bounds what is still tried.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from codec import avif, fidelity, output, resample
from codec.containers import Container, DoesNotFit, bmff
from codec.manifest import Output, Stored
from codec.pixels import Pixels, decode_as
from codec.restore import Upscalers, content_digest, enlarge, pixels_of
from config import Floor, Policy

_QUALITY_RANGE: Final = (8, 96)
"""AVIF qualities between which the search bisects: beyond, nothing is saved or nothing holds."""

_TRIALS: Final = {"fast": 3, "balanced": 5, "best": 7}
_SPEED: Final = {"fast": 9, "balanced": 8, "best": 6}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to store an image, all but its quality."""

    tier: Literal["recode", "downscale"]
    scale: int
    restorer: str | None
    subsampling: str
    speed: int

    def stored(self, quality: int) -> Stored:
        """Say it in the manifest's words."""
        return Stored(
            tier=self.tier, codec="avif", quality=quality, scale=self.scale, restorer=self.restorer
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one encoding.

    Attributes:
        candidate: What was tried.
        quality: Of the rendition, 0 to 100; -1: refused before any encoding.
        size: Bytes of the rendition; 0 when none was made.
        verdict: Why it won or lost.
    """

    candidate: Candidate
    quality: int
    size: int
    verdict: Literal["holds", "below floor", "too big", "does not fit", "ceiling below floor"]


@dataclass(frozen=True, slots=True)
class Subject:
    """The image that candidates compete for.

    Attributes:
        pixels: The decoded upload, uint8, (height, width[, channels]).
        upload: The parsed container.
        size: Bytes of the upload.
        blob: Header segments as they travel in the rendition.
        orientation: EXIF orientation.
        max_stored: Bytes that a rendition may have to be worth storing.
    """

    pixels: Pixels
    upload: Container
    size: int
    blob: bytes
    orientation: int
    max_stored: int


@dataclass(frozen=True, slots=True)
class Winner:
    """The smallest rendition that holds the floor, and the file that GET will serve from it."""

    rendition: bytes
    stored: Stored
    output: Output
    served: bytes
    content: str


@dataclass(slots=True)
class Contest:
    """The state of one competition.

    Attributes:
        deadline: ``time.monotonic()`` after which no further trial begins.
        trials: Everything that was tried, in order.
        best: The winner so far.
    """

    subject: Subject
    floor: Floor
    upscalers: Upscalers
    deadline: float
    trials: list[Trial] = field(default_factory=list)
    best: Winner | None = None

    @property
    def max_stored(self) -> int:
        """Give the bytes that a rendition may have to become the best."""
        return len(self.best.rendition) - 1 if self.best else self.subject.max_stored


def candidates(policy: Policy, upload: Container, restorer: str) -> Iterator[Candidate]:
    """List what a policy lets compete, the likeliest winner first.

    Args:
        policy: What is allowed.
        upload: What is to be stored.
        restorer: Content hash of the policy's restorer.
    """
    speed = _SPEED[policy.effort]
    if "recode" in policy.tiers:
        # Chroma that the upload has thinned out already is not stored at full resolution again.
        thin = upload.subsampling == "4:2:0" or (upload.format == "WEBP" and not upload.lossless)
        chroma = "4:2:0" if thin else "4:4:4"
        yield Candidate("recode", 1, None, chroma, speed)
    if "downscale" in policy.tiers:
        for scale in policy.scales:
            yield Candidate("downscale", scale, restorer, "4:4:4", speed)


def compete(
    subject: Subject, policy: Policy, *, restorer: str, upscalers: Upscalers, deadline: float
) -> Contest:
    """Let all candidates compete.

    Returns:
        The finished contest; its ``best`` is None when nothing small enough holds the floor.
    """
    contest = Contest(subject, policy.floor, upscalers, deadline)
    for candidate in candidates(policy, subject.upload, restorer):
        _search(contest, candidate, _TRIALS[policy.effort])
    return contest


def holds(floor: Floor, original: Pixels, restored: Pixels) -> bool:
    """Tell whether a restored image is at or above the floor; the cheapest measure comes first."""
    return (
        (floor.psnr_db is None or fidelity.psnr(original, restored) >= floor.psnr_db)
        and (floor.ssim is None or fidelity.ssim(original, restored) >= floor.ssim)
        and (floor.orb is None or fidelity.orb(original, restored) >= floor.orb)
    )


def _search(contest: Contest, candidate: Candidate, trials: int) -> None:
    """Bisect for the lowest quality that holds the floor."""
    if time.monotonic() > contest.deadline:
        return
    small = _shrunk(contest.subject.pixels, candidate.scale)
    if not _may_hold(contest, candidate, small):
        contest.trials.append(Trial(candidate, -1, 0, "ceiling below floor"))
        return
    low, high = _QUALITY_RANGE
    for _ in range(trials):
        if low >= high or time.monotonic() > contest.deadline:
            return
        quality = (low + high) // 2
        trial = _try(contest, candidate, small, quality)
        contest.trials.append(trial)
        if trial.verdict == "below floor":
            low = quality + 1
        else:
            high = quality


def _shrunk(pixels: Pixels, scale: int) -> Pixels:
    return pixels if scale == 1 else resample.downscale(pixels, scale)


def _may_hold(contest: Contest, candidate: Candidate, small: Pixels) -> bool:
    """Restore what no codec has touched: when that is below the floor, everything else is."""
    if candidate.scale == 1:
        return True
    upload = contest.subject.upload
    ceiling = enlarge(
        small,
        candidate.stored(100),
        size=(upload.width, upload.height),
        upscalers=contest.upscalers,
    )
    return holds(contest.floor, contest.subject.pixels, ceiling)


def _try(contest: Contest, candidate: Candidate, small: Pixels, quality: int) -> Trial:
    subject = contest.subject
    rendition = _encode(subject, candidate, small, quality)
    if len(rendition) > contest.max_stored:
        return Trial(candidate, quality, len(rendition), "too big")
    stored = candidate.stored(quality)
    upload = subject.upload
    pixels = pixels_of(
        rendition,
        stored,
        mode=upload.mode,
        size=(upload.width, upload.height),
        upscalers=contest.upscalers,
    )
    try:
        parameters, served = output.fit(pixels, upload, subject.size)
    except DoesNotFit:
        return Trial(candidate, quality, len(rendition), "does not fit")
    if not holds(contest.floor, subject.pixels, decode_as(upload, served)):
        return Trial(candidate, quality, len(rendition), "below floor")
    content = content_digest(upload.kept, pixels)
    contest.best = Winner(rendition, stored, parameters, served, content)
    return Trial(candidate, quality, len(rendition), "holds")


def _encode(subject: Subject, candidate: Candidate, small: Pixels, quality: int) -> bytes:
    image = avif.encode(
        small,
        quality,
        subsampling=candidate.subsampling,
        speed=candidate.speed,
        icc=subject.upload.icc,
        orientation=subject.orientation,
    )
    return bmff.attach(image, subject.blob) if subject.blob else image
