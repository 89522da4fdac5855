"""List the candidates that a policy lets compete, and say how much trouble is taken with them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from codec.contest import Candidate, Contest, Subject
from codec.renditions import by_name
from config import Policy
from config.policy import Codec, Effort

_LIKELY: Final[tuple[Codec, ...]] = ("avif", "jxl", "webp", "jpeg")
"""The codecs, the likeliest winner first."""


@dataclass(frozen=True, slots=True)
class Pains:
    """What an effort means.

    Attributes:
        codecs: How many codecs compete, the likeliest ones.
        chromas: How many chroma subsamplings.
        samples: Most trials of a candidate on the sample.
        finalists: Most candidates that are tried on the whole image.
        trials: Trials of each of them, when it holds by then.
        speed: Of the encoder of what is stored.
        spare: Steps of quality above the expected one, so that the first trial holds.
        worthwhile: Steps of quality that a further trial must be expected to save.
        precious: The same for a trial beyond the number.
        hope: A candidate expected to have so many times the bytes of the best is tried.
    """

    codecs: int
    chromas: int
    samples: int
    finalists: int
    trials: int
    speed: int
    spare: float
    worthwhile: int
    precious: int
    hope: float


PAINS: Final[dict[Effort, Pains]] = {
    "fast": Pains(1, 1, 1, 1, 1, speed=9, spare=1.0, worthwhile=3, precious=12, hope=0.97),
    "balanced": Pains(2, 1, 2, 2, 2, speed=8, spare=1.0, worthwhile=3, precious=5, hope=0.97),
    "best": Pains(4, 2, 3, 4, 5, speed=6, spare=0.0, worthwhile=1, precious=3, hope=1.05),
}


def candidates(
    policy: Policy, contest: Contest, restorers: Mapping[int, str]
) -> Iterator[Candidate]:
    """List what a policy lets compete, the likeliest winner first.

    Args:
        policy: What is allowed.
        contest: For whom.
        restorers: Content hash of the restorer for each scale.
    """
    protected = contest.kind in policy.protect
    if protected and policy.protect_with == "lossless":
        return
    pains = PAINS[policy.effort]
    for codec in _codecs(policy, contest.subject, pains):
        for chroma in _chromas(contest.subject)[: pains.chromas]:
            if "recode" in policy.tiers:
                yield Candidate("recode", codec, 1, None, chroma)
                if 1 in restorers and not protected:
                    yield Candidate("recode", codec, 1, restorers[1], chroma)
        if not protected:
            for scale in sorted(restorers.keys() & set(policy.scales)):
                yield Candidate("downscale", codec, scale, restorers[scale], "4:4:4")


def _codecs(policy: Policy, subject: Subject, pains: Pains) -> list[Codec]:
    upload = subject.upload
    size = upload.width, upload.height
    able = [
        name
        for name in _LIKELY
        if name in policy.codecs
        and by_name(name).takes(upload.mode, size, icc=upload.icc, orientation=subject.orientation)
    ]
    return able[: pains.codecs]


def _chromas(subject: Subject) -> list[str]:
    """Order the ways to store colour; what the upload has thinned out already stays thin."""
    upload = subject.upload
    if upload.mode == "L":
        return ["4:4:4"]
    thin = upload.subsampling == "4:2:0" or (upload.format == "WEBP" and not upload.lossless)
    # Full chroma costs 1 % where it is not needed, and saves up to 40 % on drawn images.
    return ["4:2:0", "4:4:4"] if thin else ["4:4:4", "4:2:0"]
