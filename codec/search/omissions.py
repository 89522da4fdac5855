"""What a search omits, and why: tiers, codecs, and everything lossy."""

from enum import StrEnum
from typing import Final, Literal, NamedTuple

from slimgate.config.policy import Codec

Tier = Literal["exact", "lossless", "recode", "downscale"]

TIERS: Final[tuple[Tier, ...]] = ("exact", "lossless", "recode", "downscale")

LOSSY: Final[frozenset[Tier]] = frozenset({"recode", "downscale"})
"""Lossy tiers."""

What = Tier | Literal["lossy"] | Codec
"""A tier, all lossy tiers, or a codec."""


class Omission(StrEnum):
    """Why something was not tried; the value is for people."""

    TIER = "the policy does not allow the tier"
    BYTES = "the upload has to come back byte for byte"
    C2PA = "other bytes would break the file's content credentials (C2PA)"
    FORMAT = "this tier is not for files of the format"
    CODEC = "the policy does not allow the codec"
    NO_CODEC = "no codec that the policy allows is left for this image"
    COLOURS = "the codec cannot hold this image's size, colours, profile or orientation"
    EFFORT = "the policy's effort stops before it"
    PROTECTED = "the policy protects images of this kind"
    NO_SCALE = "the policy has no scale, or its restorer none of the policy's scales"
    NOT_WORTH = "the effort shrinks only small images that need few bits at full size"
    ENGINE = "restoring costs more on this engine than the effort spends"
    UNPROMISING = "a sample shows that shrinking needs more bytes for the same score"
    WITHOUT_LOSS_IS_LARGER = "what holds with loss is smaller than anything without"
    UNSUPPORTED = "the file cannot be taken apart"
    MEMORY = "it needs more memory than engine.worker_memory leaves"
    LOST = "a worker process died of it, or took too long"
    NO_WORK = "no work was left: see limits.timeout_s"


class Omitted(NamedTuple):
    """Something that was not tried.

    Attributes:
        what: a tier, a codec, or all lossy tiers.
        why: reason.
        detail: details.
    """

    what: What
    why: Omission
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.why} ({self.detail})" if self.detail else self.why.value
