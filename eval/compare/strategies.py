"""The strategies that a report compares."""

from dataclasses import dataclass
from typing import Final, Literal

Family = Literal["policy", "tier", "transcode", "fixed", "floor", "bytes", "psnr", "ssimulacra2"]
"""Why a strategy is in the report.

policy: what the gateway would store under the policy as configured.
tier: the same policy with a single tier.
transcode: JPEG XL without loss.
fixed: one quality for the whole corpus, the lowest at which every image that can hold the floor
does.
floor: per image, the lowest quality that holds the floor.
bytes: per image, the quality with the policy's file size, within 2 % where the codec can.
psnr: per image, the quality with the policy's PSNR, within 0.1 dB where the codec can.
ssimulacra2: per image, the quality with the policy's SSIMULACRA2, within half a step of quality
(0.5 points at 70, 0.2 at 90) where the codec can.
"""

POLICY: Final = "policy"
"""Name of the strategy that the others are compared with."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to store every image of a corpus.

    Attributes:
        name: name in rows.
        family: why it is compared.
        title: title for people.
        codec: codec; empty: chosen by the search.
        scale: downscale factor; 1: full size, 0: chosen by the search.
    """

    name: str
    family: Family
    title: str
    codec: str = ""
    scale: int = 0


STRATEGIES: Final = (
    Strategy(POLICY, "policy", "the policy"),
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
    Strategy("avif-score", "ssimulacra2", "AVIF at equal SSIMULACRA2", "avif", 1),
    Strategy("webp-score", "ssimulacra2", "WebP at equal SSIMULACRA2", "webp", 1),
    Strategy("jpeg-score", "ssimulacra2", "JPEG at equal SSIMULACRA2", "jpeg", 1),
    Strategy("bicubic-score", "ssimulacra2", "half size + bicubic at equal SSIMULACRA2", "avif", 2),
)

_BY_NAME: Final = {strategy.name: strategy for strategy in STRATEGIES}


def named(name: str) -> Strategy:
    """Return the strategy of a name.

    Raises:
        LookupError: no strategy has that name.
    """
    if name not in _BY_NAME:
        raise LookupError(f"unknown strategy {name!r}; choose one of {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def rank(name: str) -> int:
    """Return the position of a strategy in the list; unknown names sort last."""
    return next((at for at, each in enumerate(STRATEGIES) if each.name == name), len(STRATEGIES))


def of_family(family: Family) -> tuple[Strategy, ...]:
    """Return the strategies of one family."""
    return tuple(strategy for strategy in STRATEGIES if strategy.family == family)
