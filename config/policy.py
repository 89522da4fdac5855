"""One policy: which objects it matches, how they may be stored, and the fidelity they keep."""

import hashlib
import json
from fnmatch import fnmatchcase
from importlib.util import find_spec
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from slimgate.config.base import LISTED, Frozen, contradiction, later, unique_sorted
from slimgate.config.floor import DEFAULT_FIDELITY, GUARDS, PRESETS, Fidelity, Floor, Guard, raised
from slimgate.config.serve import Serve
from slimgate.config.units import ByteCount, PixelCount
from slimgate.config.upstream_credentials import UpstreamCredentials
from slimgate.config.values import AccessKey

ImageType = Literal[
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/vnd.adobe.photoshop",
    "image/webp",
    "image/x-portable-anymap",
]
TYPES: Final[tuple[ImageType, ...]] = get_args(ImageType)
Mode = Literal["off", "shadow", "optimize"]
Effort = Literal["fast", "balanced", "best"]
Kind = Literal["photo", "document", "screenshot", "chart", "illustration"]
Tier = Annotated[
    Literal["downscale", "exact", "lossless", "recode"],
    later({"plain": "plain is the implicit last resort: remove it from the list"}),
]
Codec = Literal["avif", "jpeg", "jxl", "webp"]
CODECS: Final[tuple[Codec, ...]] = get_args(Codec)
ExactCodec = Literal["jxl", "lepton"]
Scale = Annotated[int, Field(ge=2, le=4)]

# Duplicates are refused and order is ignored, so equal choices have equal digests.
_SET: Final = AfterValidator(unique_sorted)

_OFF: Final = BeforeValidator(
    lambda value: () if value == "off" else value,
    json_schema_input_type=list[Guard] | Literal["off"],
)


class PolicyLimits(Frozen):
    """Limits for one image; images beyond them are stored as uploaded."""

    max_bytes: ByteCount = Field(
        default=64 * 2**20, ge=1, le=2**30, description="largest upload to optimize, bytes"
    )
    max_pixels: PixelCount = Field(
        default=200 * 10**6, ge=1, le=10**9, description="largest image to decode, pixels"
    )
    timeout_s: float = Field(
        default=20.0,
        gt=0,
        le=600,
        description=(
            "work limit for one image, CPU-seconds estimated from pixels and trials; wall-clock "
            "timeout at six times this value"
        ),
    )

    @property
    def wall_s(self) -> float:
        """Return the wall-clock timeout for one image, in seconds.

        Only a hung job or an extremely overloaded machine reaches it.
        """
        return 6 * self.timeout_s


class Originals(Frozen):
    """The copy of each upload whose rendition is stored; none without `keep`."""

    keep: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,62}$",
        description="bucket for copies of the uploads of optimized objects; null: no copies",
    )
    prefix: str = Field(
        default="slimgate/", max_length=512, description="key prefix in that bucket"
    )
    storage_class: str | None = Field(
        default=None,
        pattern=r"^[A-Z0-9_]{1,64}$",
        description="storage class of the copies, such as DEEP_ARCHIVE; null: the bucket's default",
    )

    access_key: AccessKey | None = Field(
        default=None,
        description="access key of `credentials` that writes and reads the copies; null: that of "
        "the client, which needs the right to write there",
    )

    @model_validator(mode="after")
    def _needs_a_bucket(self) -> Self:
        for name in ("storage_class", "access_key"):
            if self.keep is None and getattr(self, name) is not None:
                raise contradiction((name,), "needs a bucket: set originals.keep")
        return self


def _default_scales(validated: dict[str, Any]) -> tuple[int, ...]:
    return (2, 3, 4) if "downscale" in validated.get("tiers", ("downscale",)) else ()


def _default_floor(validated: dict[str, Any]) -> Floor:
    fidelity = validated.get("fidelity", DEFAULT_FIDELITY)
    return PRESETS[fidelity] if fidelity else Floor()


def _default_guards(validated: dict[str, Any]) -> tuple[Guard, ...]:
    return GUARDS if validated.get("fidelity", DEFAULT_FIDELITY) else ()


class Policy(Frozen):
    """How to store the objects of some buckets; immutable and picklable.

    Lists are sets: they are sorted, and their order in the file is ignored. `scales` is empty if
    and only if the tier downscale is not allowed.
    """

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="unique name for logs and reports",
    )
    bucket: str = Field(
        pattern=r"^[A-Za-z0-9._*?\[\]!-]{1,128}$",
        description="bucket glob with `*`, `?` and `[…]`, case-sensitive",
    )
    prefix: str = Field(default="", max_length=1024, description="key prefix")
    types: Annotated[tuple[ImageType, ...], LISTED, _SET] = Field(
        default=TYPES,
        min_length=1,
        max_length=16,
        description="content types to optimize",
    )
    anonymous: bool = Field(
        default=False,
        description=(
            "whether requests without a signature reach the store, which may allow them; "
            "otherwise they get AccessDenied, unless the mode is off"
        ),
    )
    mode: Mode = Field(
        description="off, shadow (store the original, report the possible saving) or optimize"
    )
    when: Literal["upload", "deferred"] = Field(
        default="upload",
        description="when to optimize: upload (before the client gets its response), or deferred "
        "(in the background; until then the object is the upload)",
    )
    tiers: Annotated[tuple[Tier, ...], LISTED, _SET] = Field(
        default=("downscale", "exact", "lossless", "recode"),
        min_length=1,
        max_length=16,
        description="tiers to try",
    )
    scales: Annotated[tuple[Scale, ...], LISTED, _SET] = Field(
        default_factory=_default_scales,
        max_length=16,
        description="downscale factors to try",
    )
    codecs: Annotated[tuple[Codec, ...], LISTED, _SET] = Field(
        default=CODECS,
        min_length=1,
        max_length=16,
        description="codecs to try",
    )
    exact_codec: ExactCodec = Field(
        default="jxl",
        description=(
            "codec of JPEG files in the tier exact: jxl, or lepton (smaller; no viewer opens it; "
            "needs `slimgate[lepton]`)"
        ),
    )
    restorer: str = Field(
        default="native",
        min_length=1,
        max_length=128,
        validate_default=True,
        description="restorer that enlarges downscaled images",
    )
    fidelity: Fidelity | None = Field(
        default=DEFAULT_FIDELITY,
        description=(
            "floor by name: archive, high, standard or economy; null: as `floor` says (the "
            "default where `floor` is set)"
        ),
    )
    floor: Floor = Field(default_factory=_default_floor, description="minimum fidelity")
    guards: Annotated[tuple[Guard, ...], _OFF, LISTED, _SET] = Field(
        default_factory=_default_guards,
        max_length=16,
        description="kinds of image with a stricter floor than `fidelity`; off: none",
    )
    protect: Annotated[tuple[Kind, ...], LISTED, _SET] = Field(
        default=("chart", "document", "screenshot"),
        max_length=16,
        description="kinds of image excluded from downscaling and restorers",
    )
    protect_with: Literal["recode", "lossless"] = Field(
        default="recode",
        description="strongest tier for protected images: recode, or lossless (identical pixels)",
    )
    min_saving: float = Field(
        default=0.15,
        ge=0,
        lt=1,
        description="minimum share of bytes saved; below it images are stored as uploaded",
    )
    effort: Effort = Field(default="balanced", description="search effort: fast, balanced or best")
    limits: PolicyLimits = Field(default=PolicyLimits(), description="limits for one image")
    originals: Originals = Field(default=Originals(), description="copies of uploads")
    serve: Serve = Field(default=Serve(), description="what GET serves besides restored files")
    upstream: UpstreamCredentials | None = Field(
        default=None,
        description="credentials that sign requests about its objects; null: those of the client",
    )

    @model_validator(mode="before")
    @classmethod
    def _has_no_default_beside_a_floor(cls, settings: Any) -> Any:
        if isinstance(settings, dict) and "floor" in settings:
            return {"fidelity": None, **settings}
        return settings

    @field_validator("restorer")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        known: frozenset[str] | None = (info.context or {}).get("known_restorers")
        if known is not None and name not in known:
            raise ValueError(f"unknown restorer; choose one of {', '.join(sorted(known))}")
        return name

    @field_validator("exact_codec")
    @classmethod
    def _installed(cls, name: ExactCodec) -> ExactCodec:
        if name == "lepton" and find_spec("lepton_jpeg_python") is None:
            raise ValueError(
                "lepton-jpeg-python is missing: pip install 'slimgate[lepton]', or remove "
                "exact_codec"
            )
        return name

    @model_validator(mode="after")
    def _scales_fit_tiers(self) -> Self:
        if self.scales and "downscale" not in self.tiers:
            raise contradiction(
                ("scales",), "scales need the tier downscale: add it to tiers, or remove scales"
            )
        if not self.scales and "downscale" in self.tiers:
            raise contradiction(
                ("scales",), "the tier downscale needs at least one scale, such as 2"
            )
        return self

    @model_validator(mode="after")
    def _exact_codec_is_of_use(self) -> Self:
        if self.exact_codec == "lepton" and "exact" not in self.tiers:
            raise contradiction(
                ("exact_codec",),
                "lepton needs the tier exact: add it to tiers, or remove exact_codec",
            )
        return self

    @model_validator(mode="after")
    def _has_one_floor(self) -> Self:
        if self.fidelity and self.floor != PRESETS[self.fidelity]:
            reason = f"differs from fidelity {self.fidelity}: remove one of the two"
            raise contradiction(("floor",), reason)
        return self

    @model_validator(mode="after")
    def _guards_fit_fidelity(self) -> Self:
        if self.guards and not self.fidelity:
            reason = "guards raise a fidelity: set fidelity, or remove guards"
            raise contradiction(("guards",), reason)
        return self

    @model_validator(mode="after")
    def _leaves_originals_alone(self) -> Self:
        kept, ours = self.originals.prefix, self.prefix
        overlap = kept.startswith(ours) or ours.startswith(kept)
        if self.originals.keep and overlap and fnmatchcase(self.originals.keep, self.bucket):
            reason = (
                "matches this policy, which would optimize the copies: choose another "
                "bucket or prefix"
            )
            raise contradiction(("originals", "keep"), reason)
        return self

    @property
    def in_background(self) -> bool:
        """Return whether uploads are queued: an upload never waits for a shadow policy."""
        return self.mode == "shadow" or (self.mode == "optimize" and self.when == "deferred")

    @property
    def raising_guards(self) -> tuple[Guard, ...]:
        """Return the guards that demand more than the policy does anyway."""
        fidelity = self.fidelity
        return tuple(each for each in self.guards if self.guarded_fidelity(each) != fidelity)

    def guarded_fidelity(self, guard: str) -> Fidelity | None:
        """Return the fidelity for images of a kind; None: the policy has a floor of its own."""
        return raised(self.fidelity, guard) if self.fidelity else None

    def guarded_floor(self, guard: str | None) -> Floor:
        """Return the floor for images of a kind; None: for all others."""
        fidelity = self.guarded_fidelity(guard) if guard else None
        return PRESETS[fidelity] if fidelity else self.floor

    @property
    def digest(self) -> str:
        """Return 12 hex digits of the SHA-256 of the effective policy as canonical JSON."""
        # Keys that are newer than the digest count only where they are set; a fidelity is a floor.
        # Who signs requests, if anyone does, and when, changes no rendition.
        unset: dict[str, Any] = {"fidelity": True, "floor": self.floor.unset}
        unset.update(dict.fromkeys(("anonymous", "upstream", "when"), True))
        if self.originals.keep is None:
            unset["originals"] = True
        if self.exact_codec == "jxl":
            unset["exact_codec"] = True
        if not self.serve.negotiate:
            unset["serve"] = True
        if not self.guards:
            unset["guards"] = True
        settings = self.model_dump(exclude=unset)
        document = json.dumps(settings, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(document.encode()).hexdigest()[:12]
