"""List the candidates that a policy lets compete, and say how much trouble is taken with them."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from codec.encoders import Tune, by_name
from codec.search.contest import Candidate, Contest, Subject
from config import Policy
from config.policy import Codec, Effort

_LIKELY: Final[tuple[Codec, ...]] = ("avif", "jxl", "webp", "jpeg")
"""The codecs, the likeliest winner first."""


@dataclass(frozen=True, slots=True)
class Pains:
    """What an effort means.

    Attributes:
        codecs: How many codecs compete, the likeliest ones.
        ways: How many ways of AVIF to store colour and to spend bits.
        samples: Most trials of a candidate on the sample.
        finalists: Most candidates that are tried on the whole image.
        trials: Trials of each of them, when it holds by then.
        speed: Of the encoder of what is stored.
        spare: Steps of quality above the expected one, so that the first trial holds.
        worthwhile: Steps of quality that a further trial must be expected to save.
        precious: The same for a trial beyond the number.
        hope: A candidate expected to have so many times the bytes of the best is tried.
        ceilings: Whether a whole image is restored without a codec between before it is shrunk.
        dense: Bits per pixel of the best candidate of full size up to which others are shrunk.
        shrunk: How many times its bytes a shrunk candidate counts: a network that enlarges costs
            as much as the rest, and samples flatter what is shrunk.
        enlarged: Pixels up to which they are tried at all, where anything of full size competes.
        cleaned: Pixels up to which a restorer is tried at full size, which costs the most.
    """

    codecs: int
    ways: int
    samples: int
    finalists: int
    trials: int
    speed: int
    spare: float
    worthwhile: int
    precious: int
    hope: float
    ceilings: bool
    dense: float
    shrunk: float
    enlarged: float
    cleaned: float


PAINS: Final[dict[Effort, Pains]] = {
    "fast": Pains(
        codecs=1, ways=1, samples=2, finalists=1, trials=1, speed=9,
        spare=1.0, worthwhile=3, precious=12, hope=0.97,
        ceilings=True, dense=0, shrunk=1.3, enlarged=0, cleaned=0,
    ),
    "balanced": Pains(
        codecs=1, ways=3, samples=2, finalists=2, trials=2, speed=8,
        spare=1.0, worthwhile=3, precious=5, hope=0.95,
        ceilings=False, dense=0.4, shrunk=1.1, enlarged=2e6, cleaned=0,
    ),
    "best": Pains(
        codecs=4, ways=4, samples=3, finalists=4, trials=5, speed=6,
        spare=0.0, worthwhile=1, precious=3, hope=1.05,
        ceilings=True, dense=math.inf, shrunk=1.05, enlarged=math.inf, cleaned=math.inf,
    ),
}  # fmt: skip


def candidates(
    policy: Policy,
    contest: Contest,
    restorers: Mapping[int, str],
    *,
    tune: Tune,
    without: Collection[str] = (),
) -> Iterator[Candidate]:
    """List what a policy lets compete, the likeliest winner first.

    Args:
        policy: What is allowed.
        contest: For whom.
        restorers: Content hash of the restorer for each scale.
        tune: Which measure seems the hardest to hold.
        without: Codecs that are left out.
    """
    protected = contest.kind in policy.protect
    if protected and policy.protect_with == "lossless":
        return
    pains, subject = PAINS[policy.effort], contest.subject
    cleaned = 1 in restorers and not protected and _pixels(subject) <= pains.cleaned
    for codec in _codecs(policy, subject, without)[: pains.codecs]:
        for chroma, tuned in _ways(contest, codec, tune)[: pains.ways]:
            if "recode" in policy.tiers:
                yield Candidate("recode", codec, 1, None, chroma, tuned)
                if cleaned:
                    yield Candidate("recode", codec, 1, restorers[1], chroma, tuned)
        if not protected:
            for scale in sorted(restorers.keys() & set(policy.scales)):
                yield Candidate("downscale", codec, scale, restorers[scale], "4:4:4", tune)


def _pixels(subject: Subject) -> int:
    return subject.upload.width * subject.upload.height


def _codecs(policy: Policy, subject: Subject, without: Collection[str]) -> list[Codec]:
    upload = subject.upload
    size = upload.width, upload.height
    return [
        name
        for name in _LIKELY
        if name in policy.codecs
        and name not in without
        and by_name(name).takes(upload.mode, size, icc=upload.icc, orientation=subject.orientation)
    ]


def _ways(contest: Contest, codec: Codec, tune: Tune) -> list[tuple[str, Tune]]:
    """Order the ways to store colour and to spend bits, the likeliest winner first."""
    thin, full = "4:2:0", "4:4:4"
    if codec in ("webp", "jxl"):
        return [(full, tune)]  # they have no choice
    other: Tune = "psnr" if tune == "ssim" else "ssim"
    upload = contest.subject.upload
    if upload.mode == "L":
        return [(full, tune), (full, other)]
    if upload.subsampling == thin or (upload.format == "WEBP" and not upload.lossless):
        # What the upload has thinned out already stays thin.
        return [(thin, tune), (thin, other), (full, "psnr"), (full, "ssim")]
    if contest.kind != "photo":
        # Full chroma saves up to 40 % on drawn images.
        return [(full, tune), (full, other), (thin, "ssim"), (thin, "psnr")]
    # PSNR counts colours as much as luma; SSIM does not see them.
    ways: list[tuple[str, Tune]] = [(full, "psnr"), (thin, "ssim"), (thin, "psnr"), (full, "ssim")]
    return ways if tune == "psnr" else [ways[1], ways[0], *ways[2:]]
