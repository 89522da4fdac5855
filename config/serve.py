"""Which representation of an object GET serves."""

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from slimgate.config.base import LISTED, Frozen, contradiction, unique_sorted

NegotiatedCodec = Literal["avif", "jxl", "webp"]
NEGOTIATED: Final[tuple[NegotiatedCodec, ...]] = get_args(NegotiatedCodec)
"""Codecs with a media type that browsers name in Accept."""


class Serve(Frozen):
    """What GET serves besides the restored file."""

    negotiate: Annotated[tuple[NegotiatedCodec, ...], LISTED, AfterValidator(unique_sorted)] = (
        Field(
            default=(),
            max_length=16,
            description="codecs of renditions that GET serves to clients which name them in "
            "`Accept`, where the upload was stored under such a policy; empty: restored files only",
        )
    )
    shrunk: bool = Field(
        default=False,
        description="whether those that need a restorer, shrunk ones among them, are served so too",
    )

    @model_validator(mode="after")
    def _shrunk_is_of_use(self) -> Self:
        if self.shrunk and not self.negotiate:
            raise contradiction(("shrunk",), "needs codecs: set serve.negotiate, or remove shrunk")
        return self
