"""Settings of manifests: the metadata that says how to restore an object."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from slimgate.config.base import LISTED, Frozen, contradiction
from slimgate.config.values import SecretKey

_MIN_SECRET: Final = 32

ManifestKey = Annotated[SecretKey, Field(min_length=_MIN_SECRET)]


class Manifests(Frozen):
    """Sealing of manifests."""

    keys: Annotated[tuple[ManifestKey, ...], LISTED] = Field(
        default=(),
        max_length=16,
        description="secrets that sign manifests, 32 characters or more each; the first "
        "signs, all verify",
    )
    required: bool = Field(default=False, description="reject manifests without a seal")

    @model_validator(mode="after")
    def _required_needs_keys(self) -> Self:
        if self.required and not self.keys:
            raise contradiction(("required",), "needs a key to verify with: set manifests.keys")
        return self
