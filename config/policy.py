"""One policy: which objects it is for, how they may be stored small, and what must be kept."""

import hashlib
import json
import shutil
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from config.base import LISTED, Frozen, contradiction, later, unique_sorted
from config.units import ByteCount, PixelCount

ImageType = Literal["image/jpeg", "image/png", "image/webp"]
Mode = Literal["off", "shadow", "optimize"]
Effort = Literal["fast", "balanced", "best"]
Kind = Literal["photo", "document", "screenshot", "chart", "illustration"]
Tier = Annotated[
    Literal["downscale", "exact", "lossless", "recode"],
    later({"plain": "plain is always the last resort and is not listed"}),
]
Codec = Literal["avif", "jpeg", "jxl", "webp"]
Scale = Annotated[int, Field(ge=2, le=4)]

# Duplicates are refused and the order says nothing, so equal choices give equal digests.
_SET: Final = AfterValidator(unique_sorted)


class Floor(Frozen):
    """The fidelity that every stored rendition keeps; null switches a measure off."""

    # The one default of the project; whatever else shows or uses one is tested against it. PSNR and
    # mean SSIM alone are averages: an image that is mostly smooth holds 34 dB and 0.93 when nothing
    # is left of what it shows (docs/floors.md has the figures).
    psnr_db: float | None = Field(
        default=34.0, gt=0, le=99, description="least PSNR in dB; null: not demanded"
    )
    ssim: float | None = Field(
        default=0.93, gt=0, le=1, description="least structural similarity; null: not demanded"
    )
    orb: float | None = Field(
        default=0.65,
        gt=0,
        le=1,
        description="least share of ORB key points found again; null: not demanded",
    )
    block_psnr_db: float | None = Field(
        default=28.0,
        gt=0,
        le=99,
        description="least PSNR in dB of the worst 64x64 block; null: not demanded",
    )
    text: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="least share of words that `tesseract` reads again; null: not demanded",
    )

    @model_validator(mode="after")
    def _demands_something(self) -> Self:
        if self.psnr_db is None and self.ssim is None and self.orb is None:
            raise contradiction((), "at least one of psnr_db, ssim and orb must remain")
        return self

    @model_validator(mode="after")
    def _can_read(self) -> Self:
        if self.text is not None and shutil.which("tesseract") is None:
            reason = "needs the program tesseract on the PATH; install it or take the key away"
            raise contradiction(("text",), reason)
        return self


class PolicyLimits(Frozen):
    """What a single image may cost; what exceeds it is stored as uploaded."""

    max_bytes: ByteCount = Field(
        default=64 * 2**20, ge=1, le=2**30, description="largest upload that is optimized"
    )
    max_pixels: PixelCount = Field(
        default=200 * 10**6, ge=1, le=10**9, description="largest image that is decoded"
    )
    timeout_s: float = Field(
        default=20.0,
        gt=0,
        le=600,
        description=(
            "work that optimizing one image may take, seconds of one core, counted by pixels and "
            "trials; six times as long by the clock, it is stopped"
        ),
    )

    @property
    def wall_s(self) -> float:
        """Return the seconds by the clock after which an image that is at work is stopped.

        Only what hangs takes so long, or a machine that is busy beyond all measure.
        """
        return 6 * self.timeout_s


class Originals(Frozen):
    """Where a copy of each upload is kept whose rendition is stored; without `keep`, nowhere."""

    keep: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,62}$",
        description="bucket that keeps the uploads of optimized objects; null: none are kept",
    )
    prefix: str = Field(
        default="slimgate/", max_length=512, description="beginning of the keys in that bucket"
    )
    storage_class: str | None = Field(
        default=None,
        pattern=r"^[A-Z0-9_]{1,64}$",
        description="storage class there, such as DEEP_ARCHIVE; null: the bucket's own",
    )

    @model_validator(mode="after")
    def _needs_a_bucket(self) -> Self:
        if self.keep is None and self.storage_class is not None:
            raise contradiction(("storage_class",), "a storage class needs the bucket: set keep")
        return self


def _default_scales(validated: dict[str, Any]) -> tuple[int, ...]:
    return (2, 3, 4) if "downscale" in validated.get("tiers", ("downscale",)) else ()


class Policy(Frozen):
    """How the objects of some buckets are stored; immutable and picklable.

    Lists are sets: they are sorted, and their order in the file means nothing. `scales` is empty
    exactly when the tier downscale is not allowed.
    """

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
        default=("downscale", "exact", "lossless", "recode"),
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
        default=("avif", "jpeg", "jxl", "webp"),
        min_length=1,
        max_length=16,
        description="codecs that compete",
    )
    restorer: str = Field(
        default="native",
        min_length=1,
        max_length=128,
        validate_default=True,
        description="what turns a shrunk image into the full-size one",
    )
    floor: Floor = Field(default=Floor(), description="fidelity that is kept")
    protect: Annotated[tuple[Kind, ...], LISTED, _SET] = Field(
        default=("chart", "document", "screenshot"),
        max_length=16,
        description="kinds of image that are never shrunk and never given to a restorer",
    )
    protect_with: Literal["recode", "lossless"] = Field(
        default="recode",
        description="what may be done to them: recode, or lossless (not one pixel may change)",
    )
    min_saving: float = Field(
        default=0.15, ge=0, lt=1, description="least share of bytes saved, else stored as uploaded"
    )
    effort: Effort = Field(
        default="balanced", description="how many candidates are tried: fast, balanced or best"
    )
    limits: PolicyLimits = Field(default=PolicyLimits(), description="what one image may cost")
    originals: Originals = Field(default=Originals(), description="where uploads are kept")

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

    @model_validator(mode="after")
    def _leaves_originals_alone(self) -> Self:
        kept, ours = self.originals.prefix, self.prefix
        overlap = kept.startswith(ours) or ours.startswith(kept)
        if self.originals.keep and overlap and fnmatchcase(self.originals.keep, self.bucket):
            reason = "lies under this very policy, and originals must stay as they are"
            raise contradiction(("originals", "keep"), reason)
        return self

    @property
    def digest(self) -> str:
        """Return 12 hex digits of the SHA-256 of the effective policy as canonical JSON."""
        # Policies that keep no originals have had this digest since before there was the key.
        unset = {"originals"} if self.originals.keep is None else None
        settings = self.model_dump(exclude=unset)
        document = json.dumps(settings, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(document.encode()).hexdigest()[:12]
