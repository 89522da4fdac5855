"""Settings for operators: the admin listener, feedback, tracing and the ledger."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from slimgate.config.base import Frozen, contradiction
from slimgate.config.network import is_loopback, listen_address, split_listen
from slimgate.config.units import ByteCount
from slimgate.config.values import FilePath, SecretKey


def _traces_url(value: str | None) -> str | None:
    parts = urlsplit(value or "")
    good = parts.scheme in {"http", "https"} and parts.hostname and not parts.username
    if value is not None and not (good and value.isprintable() and " " not in value):
        raise ValueError("must be a URL such as http://host:4318/v1/traces")
    return value


class Feedback(Frozen):
    """Operators' verdicts on restored images, collected for training."""

    path: FilePath | None = Field(
        default=None,
        description="file for thumbs up and down, one JSON line each; null: no feedback",
    )
    max_bytes: ByteCount = Field(
        default=64 * 2**20,
        ge=2**12,
        le=2**40,
        description="size at which the file is rotated to `….1`, bytes",
    )
    images: FilePath | None = Field(
        default=None, description="folder for the images of feedback; null: images are not stored"
    )
    images_max_bytes: ByteCount = Field(
        default=2**30,
        ge=2**20,
        le=2**50,
        description="maximum size of that folder, bytes; then no more images are stored",
    )

    @model_validator(mode="after")
    def _images_need_lines(self) -> Self:
        if self.images is not None and self.path is None:
            raise contradiction(("images",), "images need feedback lines: set admin.feedback.path")
        return self


class Admin(Frozen):
    """The operators' listener: health, metrics and playground, separate from the public one."""

    listen: str | None = Field(
        default=None,
        max_length=300,
        description="host and port of the admin listener (health, metrics, playground); null: none",
    )
    token: SecretKey | None = Field(
        default=None,
        description="token for signing in, or as bearer token; null: not required",
    )
    tls: bool = Field(
        default=False, description="https on the admin listener, with the certificate of `tls`"
    )
    feedback: Feedback = Field(
        default=Feedback(), description="operators' verdicts, collected for training"
    )
    history: FilePath | None = Field(
        default=None,
        description="file for savings by day, bucket and tier, which the savings page shows; null: "
        "only savings since the start",
    )
    price_per_gb_month: float = Field(
        default=0.023,
        ge=0,
        le=1000,
        description="price of storage, US dollars per 2^30 bytes and month; default: S3 "
        "Standard, us-east-1, 2025-10-28",
    )

    @field_validator("listen")
    @classmethod
    def _is_an_address(cls, text: str | None) -> str | None:
        return None if text is None else listen_address(text)

    @model_validator(mode="after")
    def _protected(self) -> Self:
        if self.address and self.token is None and not is_loopback(self.address[0]):
            raise contradiction(
                ("listen",), "an address reachable by other machines needs a token: set admin.token"
            )
        return self

    @property
    def address(self) -> tuple[str, int] | None:
        """Return host, without brackets, and port; None without a listener."""
        return None if self.listen is None else split_listen(self.listen)


class Tracing(Frozen):
    """Traces sent to an OpenTelemetry collector."""

    endpoint: Annotated[str | None, AfterValidator(_traces_url)] = Field(
        default=None,
        max_length=512,
        description="OTLP/HTTP URL of the collector, such as http://host:4318/v1/traces; "
        "null: no traces",
    )
    sample: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="share of requests traced, 0 to 1; an incoming `traceparent` overrides this",
    )


class Ledger(Frozen):
    """A file of the savings that shadow policies would achieve, one JSON line per upload."""

    path: FilePath | None = Field(
        default=None,
        description="file for the results of shadow policies, one JSON line per upload; null: none",
    )
    max_bytes: ByteCount = Field(
        default=64 * 2**20,
        ge=2**12,
        le=2**40,
        description="size at which the file is rotated to `….1`, bytes",
    )
