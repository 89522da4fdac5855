"""Parts of a manifest that do not say how to restore the object."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

LOWEST_SCORE: Final = -99.99
"""Scores below are beyond recognition, and are recorded as this one."""

_LAST_SECOND: Final = 253_402_300_799  # of the year 9999, the last that dates can show

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]+$")]
_Score = Annotated[float, Field(ge=LOWEST_SCORE, le=100)]


class Note(BaseModel):
    """Part of a manifest: its members have short names, and there are no others."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", validate_by_name=True, validate_by_alias=True
    )


class Measured(Note):
    """Fidelity of the served file against the upload, measured when storing.

    Attributes:
        psnr_db: Of all samples.
        ssim: Mean structural similarity of luma.
        orb: Share of key points found again.
        ssimulacra2: Score; None: not measured.
        ssimulacra2_worst: Score of the worst region; None: not measured.
    """

    psnr_db: Annotated[float, Field(ge=0, le=100)] = Field(alias="p")
    ssim: Annotated[float, Field(ge=-1, le=1)] = Field(alias="s")
    orb: Annotated[float, Field(ge=0, le=1)] = Field(alias="o")
    ssimulacra2: _Score | None = Field(default=None, alias="v")
    ssimulacra2_worst: _Score | None = Field(default=None, alias="w")

    @property
    def scores(self) -> dict[str, float]:
        """Return the SSIMULACRA2 scores that were measured, by name."""
        scores = {"ssimulacra2": self.ssimulacra2, "ssimulacra2_worst": self.ssimulacra2_worst}
        return {name: score for name, score in scores.items() if score is not None}


class Uploaded(Note):
    """When an object was uploaded whose rendition was stored later.

    Attributes:
        time_ms: Last-Modified of the upload, milliseconds since 1970.
        until: when the rendition was stored at the latest, seconds since 1970: the store's
            Last-Modified of a copy that was made afterwards is later.
        object: digest of bucket and key: a copy has others.
    """

    time_ms: Annotated[int, Field(ge=0, le=_LAST_SECOND * 1000)] = Field(alias="m")
    until: Annotated[int, Field(ge=0, le=_LAST_SECOND)] = Field(alias="t")
    object: Annotated[Hex, Field(min_length=8, max_length=8)] = Field(alias="o")
