"""What a report compares: an explicit list of everything that may become of an image."""

from dataclasses import dataclass
from typing import Final, Literal

Family = Literal["policy", "tier", "transcode", "fixed", "floor", "bytes", "psnr"]
"""Why a strategy is in the report.

policy: what the gateway would store under the policy as it is configured.
tier: the same policy with one tier alone.
transcode: without loss, as JPEG XL.
fixed: one quality for the whole corpus, the lowest at which all images hold that can.
floor: the lowest quality of each image that holds the floor.
bytes: the quality of each image whose file has the bytes that the policy stores, to 2 % where the
codec can.
psnr: the quality of each image whose PSNR is that of what the policy serves, to 0.1 dB likewise.
"""

POLICY: Final = "policy"
"""Name of the strategy that all others are compared with."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to store every image of a corpus.

    Attributes:
        name: What rows call it.
        family: Why it is compared.
        title: What people read.
        codec: What it writes; empty where that is for the referee to choose.
        scale: Factor by which it shrinks; 1: not at all, 0: for the referee to choose.
    """

    name: str
    family: Family
    title: str
    codec: str = ""
    scale: int = 0


STRATEGIES: Final = (
    Strategy(POLICY, "policy", "the policy (referee's choice)"),
    Strategy("tier-exact", "tier", "exact alone"),
    Strategy("tier-lossless", "tier", "lossless alone"),
    Strategy("tier-recode", "tier", "recode alone"),
    Strategy("tier-downscale", "tier", "downscale alone"),
    Strategy("jxl-transcode", "transcode", "JPEG XL transcoding", "jxl", 1),
    Strategy("avif-fixed", "fixed", "AVIF, one quality for all", "avif", 1),
    Strategy("webp-fixed", "fixed", "WebP, one quality for all", "webp", 1),
    Strategy("jpeg-fixed", "fixed", "JPEG, one quality for all", "jpeg", 1),
    Strategy("avif-floor", "floor", "AVIF, quality per image", "avif", 1),
    Strategy("webp-floor", "floor", "WebP, quality per image", "webp", 1),
    Strategy("jpeg-floor", "floor", "JPEG, quality per image", "jpeg", 1),
    Strategy("bicubic-floor", "floor", "half size as AVIF + bicubic, quality per image", "avif", 2),
    Strategy("avif-bytes", "bytes", "AVIF at equal bytes", "avif", 1),
    Strategy("webp-bytes", "bytes", "WebP at equal bytes", "webp", 1),
    Strategy("jpeg-bytes", "bytes", "JPEG at equal bytes", "jpeg", 1),
    Strategy("bicubic-bytes", "bytes", "half size as AVIF + bicubic at equal bytes", "avif", 2),
    Strategy("avif-psnr", "psnr", "AVIF at equal PSNR", "avif", 1),
    Strategy("webp-psnr", "psnr", "WebP at equal PSNR", "webp", 1),
    Strategy("jpeg-psnr", "psnr", "JPEG at equal PSNR", "jpeg", 1),
)

_BY_NAME: Final = {strategy.name: strategy for strategy in STRATEGIES}


def named(name: str) -> Strategy:
    """Look a strategy up.

    Raises:
        LookupError: There is none of that name.
    """
    if name not in _BY_NAME:
        raise LookupError(f"no strategy is called {name!r}; known: {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def rank(name: str) -> int:
    """Give the place of a strategy in the list; names that are not there come last."""
    return next((at for at, each in enumerate(STRATEGIES) if each.name == name), len(STRATEGIES))


def of_family(family: Family) -> tuple[Strategy, ...]:
    """List the strategies of one family."""
    return tuple(strategy for strategy in STRATEGIES if strategy.family == family)
