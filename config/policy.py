"""One policy: which objects it is for, how they may be stored small, and what must be kept."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from config.base import LISTED, Frozen, contradiction, later, unique_sorted
from config.units import ByteCount, PixelCount

_LATER: Final = "is not available in this version"

ImageType = Literal["image/jpeg", "image/png", "image/webp"]
Mode = Literal["off", "shadow", "optimize"]
Effort = Literal["fast", "balanced", "best"]
Tier = Annotated[
    Literal["downscale", "recode"],
    later(
        {
            "exact": f"the tier exact {_LATER}",
            "lossless": f"the tier lossless {_LATER}",
            "plain": "plain is always the last resort and is not listed",
        }
    ),
]
Codec = Annotated[
    Literal["avif"], later({name: f"the codec {name} {_LATER}" for name in ("webp", "jxl", "jpeg")})
]
Scale = Annotated[int, Field(ge=2, le=4)]

# Duplicates are refused and the order says nothing, so equal choices give equal digests.
_SET: Final = AfterValidator(unique_sorted)


class Floor(Frozen):
    """The fidelity that every stored rendition keeps; null switches a measure off."""

    psnr_db: float | None = Field(
        default=34.0, gt=0, le=99, description="least PSNR in dB; null: not demanded"
    )
    ssim: float | None = Field(
        default=0.93, gt=0, le=1, description="least structural similarity; null: not demanded"
    )
    orb: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="least share of ORB key points found again; null: not demanded",
    )

    @model_validator(mode="after")
    def _demands_something(self) -> Self:
        if self.psnr_db is None and self.ssim is None and self.orb is None:
            raise contradiction((), "at least one of psnr_db, ssim and orb must remain")
        return self


class PolicyLimits(Frozen):
    """What a single image may cost; what exceeds it is stored as uploaded."""

    max_bytes: ByteCount = Field(
        default=64 * 2**20, ge=1, le=2**30, description="largest upload that is optimized"
    )
    max_pixels: PixelCount = Field(
        default=100 * 10**6, ge=1, le=10**9, description="largest image that is decoded"
    )
    timeout_s: float = Field(
        default=20.0, gt=0, le=600, description="time that optimizing one image may take, seconds"
    )


def _default_scales(validated: dict[str, Any]) -> tuple[int, ...]:
    return (2, 3, 4) if "downscale" in validated.get("tiers", ("downscale",)) else ()


class Policy(Frozen):
    """How the objects of some buckets are stored; immutable and picklable.

    Lists are sets: they are sorted, and their order in the file means nothing. `scales` is empty
    exactly when the tier downscale is not allowed.
    """

    unavailable_keys: ClassVar[Mapping[str, str]] = {
        "originals": f"keeping originals {_LATER}; nothing would be kept, so the key is refused"
    }

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="unique name, for logs and reports",
    )
    bucket: str = Field(
        pattern=r"^[A-Za-z0-9._*?\[\]!-]{1,128}$",
        description="buckets that it is for; a glob with `*`, `?` and `[…]`, case-sensitive",
    )
    prefix: str = Field(
        default="", max_length=1024, description="beginning of the keys that it is for"
    )
    types: Annotated[tuple[ImageType, ...], LISTED, _SET] = Field(
        default=("image/jpeg", "image/png", "image/webp"),
        min_length=1,
        max_length=16,
        description="file types that are optimized",
    )
    mode: Mode = Field(
        description="off, shadow (store the original, report what would be saved) or optimize"
    )
    tiers: Annotated[tuple[Tier, ...], LISTED, _SET] = Field(
        default=("downscale", "recode"),
        min_length=1,
        max_length=16,
        description="kinds of rendition that compete",
    )
    scales: Annotated[tuple[Scale, ...], LISTED, _SET] = Field(
        default_factory=_default_scales,
        max_length=16,
        description="factors that the tier downscale may shrink by",
    )
    codecs: Annotated[tuple[Codec, ...], LISTED, _SET] = Field(
        default=("avif",), min_length=1, max_length=16, description="codecs that compete"
    )
    restorer: str = Field(
        default="lanczos",
        min_length=1,
        max_length=128,
        validate_default=True,
        description="what turns a shrunk image into the full-size one",
    )
    floor: Floor = Field(default=Floor(), description="fidelity that is kept")
    min_saving: float = Field(
        default=0.15, ge=0, lt=1, description="least share of bytes saved, else stored as uploaded"
    )
    effort: Effort = Field(
        default="balanced", description="how many candidates are tried: fast, balanced or best"
    )
    limits: PolicyLimits = Field(default=PolicyLimits(), description="what one image may cost")

    @field_validator("restorer")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        known: frozenset[str] | None = (info.context or {}).get("known_restorers")
        if known is not None and name not in known:
            raise ValueError(f"unknown restorer; known are {', '.join(sorted(known))}")
        return name

    @model_validator(mode="after")
    def _scales_fit_tiers(self) -> Self:
        if self.scales and "downscale" not in self.tiers:
            raise contradiction(("scales",), "scales need the tier downscale")
        if not self.scales and "downscale" in self.tiers:
            raise contradiction(("scales",), "the tier downscale needs at least one scale")
        return self

    @property
    def digest(self) -> str:
        """Return 12 hex digits of the SHA-256 of the effective policy as canonical JSON."""
        document = json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(document.encode()).hexdigest()[:12]
