"""What operators look at: the second listener, verdicts, traces and the ledger."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from config.base import Frozen, contradiction
from config.network import is_loopback, listen_address, split_listen
from config.units import ByteCount
from config.values import FilePath, SecretKey


def _traces_url(value: str | None) -> str | None:
    parts = urlsplit(value or "")
    good = parts.scheme in {"http", "https"} and parts.hostname and not parts.username
    if value is not None and not (good and value.isprintable() and " " not in value):
        raise ValueError("must be a URL such as http://host:4318/v1/traces")
    return value


class Feedback(Frozen):
    """What operators think of restored images, kept for training."""

    path: FilePath | None = Field(
        default=None,
        description="file for thumbs up and down, a JSON line each; null: none are asked for",
    )
    max_bytes: ByteCount = Field(
        default=64 * 2**20,
        ge=2**12,
        le=2**40,
        description="size at which that file becomes `….1`, in place of an earlier one",
    )
    images: FilePath | None = Field(
        default=None, description="folder that keeps the images of a verdict; null: none are kept"
    )
    images_max_bytes: ByteCount = Field(
        default=2**30, ge=2**20, le=2**50, description="size at which no more images are kept there"
    )

    @model_validator(mode="after")
    def _images_need_lines(self) -> Self:
        if self.images is not None and self.path is None:
            raise contradiction(("images",), "images are kept with a verdict: set path, too")
        return self


class Admin(Frozen):
    """The listener for operators: health, metrics and the playground, never on the public one."""

    listen: str | None = Field(
        default=None,
        max_length=300,
        description="host and port for health checks, metrics and the playground; null: none",
    )
    token: SecretKey | None = Field(
        default=None,
        description="what operators sign in with, or send as a bearer token; null: none needed",
    )
    tls: bool = Field(
        default=False, description="whether it speaks https, with the certificate of `tls`"
    )
    feedback: Feedback = Field(default=Feedback(), description="verdicts kept for training")
    price_per_gb_month: float = Field(
        default=0.023,
        ge=0,
        le=1000,
        description="US dollars for 2^30 bytes and a month; S3 Standard, us-east-1, 2025-10-28",
    )

    @field_validator("listen")
    @classmethod
    def _is_an_address(cls, text: str | None) -> str | None:
        return None if text is None else listen_address(text)

    @model_validator(mode="after")
    def _protected(self) -> Self:
        if self.address and self.token is None and not is_loopback(self.address[0]):
            raise contradiction(("listen",), "an address that others can reach needs admin.token")
        return self

    @property
    def address(self) -> tuple[str, int] | None:
        """Return host, without brackets, and port; None where nothing listens."""
        return None if self.listen is None else split_listen(self.listen)


class Tracing(Frozen):
    """Traces for an OpenTelemetry collector."""

    endpoint: Annotated[str | None, AfterValidator(_traces_url)] = Field(
        default=None,
        max_length=512,
        description="OTLP/HTTP URL for traces, such as http://host:4318/v1/traces; null: none",
    )
    sample: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="share of the requests that are traced; who sends `traceparent` decides itself",
    )


class Ledger(Frozen):
    """A file that says, for each upload under a shadow policy, what would have been saved."""

    path: FilePath | None = Field(
        default=None,
        description="file for what shadow policies find out, a JSON line per upload; null: none",
    )
    max_bytes: ByteCount = Field(
        default=64 * 2**20,
        ge=2**12,
        le=2**40,
        description="size at which that file becomes `….1`, in place of an earlier one",
    )
