"""What makes the notes of gateways in the store their own."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from config.base import LISTED, Frozen, contradiction
from config.values import SecretKey

_MIN_SECRET: Final = 32

ManifestKey = Annotated[SecretKey, Field(min_length=_MIN_SECRET)]


class Manifests(Frozen):
    """The notes that tell how objects are restored."""

    keys: Annotated[tuple[ManifestKey, ...], LISTED] = Field(
        default=(),
        max_length=16,
        description="secrets of 32 characters or more; the first seals manifests, all verify them",
    )
    required: bool = Field(
        default=False, description="whether a manifest without a seal is an error"
    )

    @model_validator(mode="after")
    def _required_needs_keys(self) -> Self:
        if self.required and not self.keys:
            raise contradiction(("required",), "needs keys: without any nothing can be verified")
        return self
