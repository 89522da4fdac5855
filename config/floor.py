"""The fidelity that a policy demands, measure by measure or by name, and for which images more."""

import shutil
from typing import Final, Literal, Self, get_args

from pydantic import Field, model_validator

from slimgate.config.base import Frozen, contradiction

Fidelity = Literal["archive", "high", "standard", "economy"]
Guard = Literal["chart", "document", "map", "medical", "screenshot"]


class Floor(Frozen):
    """Minimum fidelity of every stored rendition; null disables a measure."""

    # Defaults of what a floor of one's own does not name. PSNR and mean SSIM are averages: a mostly
    # smooth image keeps 34 dB and 0.93 when its content is gone (figures in docs/floors.md).
    psnr_db: float | None = Field(
        default=34.0, gt=0, le=99, description="minimum PSNR, dB; null: none"
    )
    ssim: float | None = Field(
        default=0.93, gt=0, le=1, description="minimum mean SSIM, 0 to 1; null: none"
    )
    orb: float | None = Field(
        default=0.65,
        gt=0,
        le=1,
        description="minimum share of ORB key points matched; null: none",
    )
    block_psnr_db: float | None = Field(
        default=28.0,
        gt=0,
        le=99,
        description="minimum PSNR of the worst 64x64 block, dB; null: none",
    )
    ssimulacra2: float | None = Field(
        default=None,
        gt=0,
        le=100,
        description="minimum SSIMULACRA2 score, at most 100; null: none",
    )
    ssimulacra2_worst: float | None = Field(
        default=None,
        gt=-100,
        le=100,
        description="minimum SSIMULACRA2 score of the worst 128x128 region; null: none",
    )
    text: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="minimum share of words that `tesseract` still reads; null: none",
    )

    @model_validator(mode="after")
    def _demands_something(self) -> Self:
        leading = (self.psnr_db, self.ssim, self.orb, self.ssimulacra2)
        if all(each is None for each in leading):
            reason = "no measure is left: set at least one of psnr_db, ssim, orb and ssimulacra2"
            raise contradiction((), reason)
        return self

    @model_validator(mode="after")
    def _can_read(self) -> Self:
        if self.text is not None and shutil.which("tesseract") is None:
            reason = "needs tesseract on the PATH: install it, or remove this key"
            raise contradiction(("text",), reason)
        return self

    @property
    def unset(self) -> set[str]:
        """Return the measures that are newer than digests of policies and are not demanded."""
        return {name for name in _NEWER if getattr(self, name) is None}


_NEWER: Final = ("ssimulacra2", "ssimulacra2_worst")


def _preset(ssimulacra2: float, worst: float, orb: float) -> Floor:
    return Floor(
        psnr_db=None,
        ssim=None,
        orb=orb,
        block_psnr_db=None,
        ssimulacra2=ssimulacra2,
        ssimulacra2_worst=worst,
    )


# docs/floors.md has the measurements behind the bounds on regions and key points.
PRESETS: Final[dict[Fidelity, Floor]] = {
    "archive": _preset(90, worst=84, orb=0.65),
    "high": _preset(80, worst=67, orb=0.50),
    "standard": _preset(70, worst=50, orb=0.35),
    "economy": _preset(55, worst=20, orb=0.20),
}

DEFAULT_FIDELITY: Final[Fidelity] = "standard"
"""Fidelity of policies that name neither fidelity nor floor; tests compare every use with it."""

GUARDS: Final[tuple[Guard, ...]] = get_args(Guard)

# One preset up, and never below the one at which thin wires beside bright clips survive in X-rays
# (docs/floors.md). At `high` and above nothing that was measured is lost.
_RAISED: Final[dict[Fidelity, dict[str, Fidelity]]] = {
    "archive": {},
    "high": {},
    "standard": dict.fromkeys(GUARDS, "high"),
    "economy": {**dict.fromkeys(GUARDS, "standard"), "medical": "high"},
}


def raised(fidelity: Fidelity, guard: str) -> Fidelity:
    """Return the fidelity that a guard makes of another one; the same if it is high enough."""
    return _RAISED[fidelity].get(guard, fidelity)
